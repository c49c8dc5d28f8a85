"""A trial of Optuna's that may have been enqueued with values of a past study."""

from __future__ import annotations

import logging

import optuna
from optuna.distributions import BaseDistribution

from storage.trial_actions import FROM_PAST

logger = logging.getLogger(__name__)


class EnqueuedTrial(optuna.trial.Trial):
    """Samples a parameter whose past value lies outside of the range that its code asks for.

    Where parameters are known only when code runs, nobody could look before. Values that a user
    enqueued are taken as they are, as Optuna does.
    """

    def _is_fixed_param(self, name: str, distribution: BaseDistribution) -> bool:
        is_past = FROM_PAST in self._cached_frozen_trial.system_attrs
        if is_past and name in self._fixed_params:
            value = self._fixed_params[name]
            try:
                is_inside = distribution._contains(distribution.to_internal_repr(value))
            except (TypeError, ValueError):  # no number, or none of the categories
                is_inside = False
            if not is_inside:
                logger.info("%s=%s of a past trial lies outside: it is sampled", name, value)
                return False
        fixed: bool = super()._is_fixed_param(name, distribution)
        return fixed
