"""The study as an objective function sees it: Optuna's, over our store."""

from __future__ import annotations

import copy
from collections.abc import Callable, Container

import optuna
from optuna.trial import FrozenTrial, TrialState

from storage.sampling.trial_storage import TrialStorage


class ObservedStudy(optuna.Study):
    """Reads everything of a study; ``stop`` ends it for all workers.

    Args:
        study_name: As in the store.
        storage: Over the store.
        sampler: Of the trial at hand.
        stop: Ends the study.
    """

    def __init__(
        self,
        study_name: str,
        storage: TrialStorage,
        sampler: optuna.samplers.BaseSampler,
        stop: Callable[[], None],
    ) -> None:
        super().__init__(study_name, storage, sampler=sampler)
        self._trial_storage, self._stop = storage, stop

    def stop(self) -> None:
        """Ends the study: trials at work elsewhere end, and no other one begins."""
        self._stop()

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        # With ``use_cache`` a sampler asks, which needs less than users; see ``TrialCache``.
        if use_cache:
            return super()._get_trials(deepcopy, states, use_cache)
        trials = self._trial_storage.read_trials(self._study_id, states)
        return copy.deepcopy(trials) if deepcopy else trials
