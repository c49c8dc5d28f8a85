"""What a sampler sees of a study, and a place for what it chooses.

Samplers of Optuna read a study's trials from a storage and write what they choose back to it,
one parameter a transaction. Here they get a storage of their own: reading is Optuna's, through
its cache; writing to the trial at hand stays in memory until ``trials.begin`` writes all of it
in one transaction behind the lease's fence.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from storage.engine import Store


class History(BaseStorage):
    """A study for samplers.

    A failed trial that violated a constraint is shown as pruned: samplers pass over failed
    trials, and would choose what runs out of memory again and again.

    Attributes:
        attributes: System attributes that the sampler wrote to the trial at hand.
    """

    def __init__(self, store: Store) -> None:
        self._cache = _CachedStorage(store.optuna)
        self._at_hand: int | None = None
        self.attributes: dict[str, Any] = {}

    def begin(self, trial_id: int, fixed: Mapping[str, Any] | None = None) -> None:
        """The sampler is going to be asked for this trial.

        Args:
            trial_id: Optuna's id.
            fixed: Parameters that are not to be sampled, as ``suggest_*`` returns them; those
                that the trial was enqueued with come first.
        """
        self._at_hand = trial_id
        self.attributes = {"fixed_params": dict(fixed)} if fixed else {}

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """The trial, with what the sampler wrote to it."""
        trial = self._cache.get_trial(trial_id)
        if trial_id != self._at_hand:
            return trial
        trial = copy.copy(trial)
        trial.system_attrs = {**self.attributes, **trial.system_attrs}
        return trial

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """All trials; infeasible ones as pruned."""
        seen = [_teaching(t) for t in self._cache.get_all_trials(study_id, deepcopy=False)]
        chosen = seen if states is None else [t for t in seen if t.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Nothing: the trial object remembers its parameters, ``trials.begin`` writes them."""

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Keeps it with the trial at hand."""
        self.attributes[key] = value

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Shared by all workers, so written at once."""
        self._cache.set_study_system_attr(study_id, key, value)

    # Reading, as Optuna does it.

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

    # Writing is not a sampler's affair.

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


def _teaching(trial: FrozenTrial) -> FrozenTrial:
    if trial.state != TrialState.FAIL or not trial.constraints:
        return trial
    shown = copy.copy(trial)
    shown.state = TrialState.PRUNED
    return shown
