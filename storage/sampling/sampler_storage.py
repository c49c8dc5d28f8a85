"""The storage that samplers work with: reads in bulk, and keeps what they choose in memory.

Optuna's samplers read a study's trials from a storage and write each parameter that they choose
back to it in a transaction of its own. This storage instead reads trials in bulk, see
``storage.sampling.trial_cache``, and keeps what is written to the current trial in memory.
``storage.trials.begin`` writes all of it later, in one transaction behind the lease's fence.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from storage.database.engine import Store
from storage.sampling.trial_cache import TrialCache

IMAGINED = -1  # id of a trial that does not exist yet: Optuna's ids are positive


class SamplerStorage(BaseStorage):
    """An Optuna storage for samplers. It can write only attributes of a study.

    Args:
        store: The database.
        reports: See ``storage.sampling.trial_cache.TrialCache``.

    Attributes:
        attributes: System attributes that the sampler wrote to the current trial.
    """

    def __init__(self, store: Store, *, reports: bool = True) -> None:
        self._store, self._reports = store, reports
        self._cache = _CachedStorage(store.optuna)  # for everything but lists of trials
        self._trial_caches: dict[int, TrialCache] = {}
        self._current_id: int | None = None
        self._current: FrozenTrial | None = None
        self.attributes: dict[str, Any] = {}

    def begin(self, trial_id: int, fixed: Mapping[str, Any] | None = None) -> None:
        """Makes an existing trial the current one, before the sampler is asked for its parameters.

        Args:
            trial_id: Optuna's id of the trial.
            fixed: Values of parameters that must not be sampled, as ``suggest_*`` returns them.
                Parameters with which the trial was enqueued take precedence.
        """
        self._current_id, self._current = trial_id, None
        self.attributes = {"fixed_params": dict(fixed)} if fixed else {}

    def imagine(self, number: int) -> int:
        """Makes a trial that does not exist yet the current one, to sample its parameters early.

        Args:
            number: The number that the trial will have.

        Returns:
            An id for it that no trial in the store has.
        """
        self._current_id, self.attributes = IMAGINED, {}
        self._current = new_trial(number, IMAGINED)
        return IMAGINED

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Returns the trial; the current one with the attributes that the sampler wrote to it."""
        if trial_id != self._current_id:
            return self._cache.get_trial(trial_id)
        if self._current is None:
            cached = (cache.find(trial_id) for cache in self._trial_caches.values())
            self._current = next(filter(None, cached), None) or self._cache.get_trial(trial_id)
        trial = copy.copy(self._current)
        # Optuna writes sampled values into these dicts, which must not reach the cached trial.
        trial.params, trial.distributions = dict(trial.params), dict(trial.distributions)
        # In this order: what the trial was enqueued with overrides ``fixed``.
        trial.system_attrs = {**self.attributes, **trial.system_attrs}
        return trial

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Returns all trials, with what samplers need of them: see ``TrialCache``."""
        cache = self._trial_caches.setdefault(
            study_id, TrialCache(self._store, study_id, reports=self._reports)
        )
        trials = [t for t in cache.trials() if states is None or t.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Does nothing: the trial object keeps its parameters, and ``trials.begin`` writes them."""

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Keeps the attribute in memory, for the current trial."""
        self.attributes[key] = value

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Writes the attribute at once: those of a study are shared by all workers."""
        self._cache.set_study_system_attr(study_id, key, value)

    # Reading is left to Optuna's own storage.

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._cache.get_study_id_from_name(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._cache.get_study_name_from_id(study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._cache.get_study_directions(study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._cache.get_study_user_attrs(study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._cache.get_study_system_attrs(study_id)

    def get_all_studies(self) -> list[FrozenStudy]:
        return self._cache.get_all_studies()

    # Samplers do not write anything else.

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        raise self._read_only()

    def delete_study(self, study_id: int) -> None:
        raise self._read_only()

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        raise self._read_only()

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        raise self._read_only()

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        raise self._read_only()

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        raise self._read_only()

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        raise self._read_only()

    @staticmethod
    def _read_only() -> PermissionError:
        return PermissionError("A sampler reads the history of a study and does not change it.")


def new_trial(number: int, trial_id: int, begun: datetime | None = None) -> FrozenTrial:
    """Returns a running trial of which nothing is known yet."""
    return FrozenTrial(
        number=number,
        trial_id=trial_id,
        state=TrialState.RUNNING,
        value=None,
        params={},
        distributions={},
        system_attrs={},
        user_attrs={},
        intermediate_values={},
        datetime_start=begun,
        datetime_complete=None,
    )
