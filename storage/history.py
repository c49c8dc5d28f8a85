"""What a sampler sees of a study, and a place for what it chooses.

Samplers of Optuna read a study's trials from a storage and write what they choose back to it,
one parameter a transaction. Here they get a storage of their own: trials are read in bulk, see
``storage.past``; writing to the trial at hand stays in memory until ``trials.begin`` writes all
of it in one transaction behind the lease's fence.
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
from storage.past import Past

IMAGINED = -1  # the id of a trial that does not exist yet


class History(BaseStorage):
    """A study for samplers.

    Args:
        reports: See ``storage.past``.

    Attributes:
        attributes: System attributes that the sampler wrote to the trial at hand.
    """

    def __init__(self, store: Store, *, reports: bool = True) -> None:
        self._store, self._reports = store, reports
        self._cache = _CachedStorage(store.optuna)
        self._pasts: dict[int, Past] = {}
        self._id_at_hand: int | None = None
        self._at_hand: FrozenTrial | None = None
        self.attributes: dict[str, Any] = {}

    def begin(self, trial_id: int, fixed: Mapping[str, Any] | None = None) -> None:
        """The sampler is going to be asked for this trial.

        Args:
            trial_id: Optuna's id.
            fixed: Parameters that are not to be sampled, as ``suggest_*`` returns them; those
                that the trial was enqueued with come first.
        """
        self._id_at_hand, self._at_hand = trial_id, None
        self.attributes = {"fixed_params": dict(fixed)} if fixed else {}

    def imagine(self, number: int) -> int:
        """The sampler is going to be asked for a trial that does not exist yet.

        Returns:
            An id for it, which nothing has in the store.
        """
        self._id_at_hand, self.attributes = IMAGINED, {}
        self._at_hand = FrozenTrial(
            number=number,
            trial_id=IMAGINED,
            state=TrialState.RUNNING,
            value=None,
            params={},
            distributions={},
            system_attrs={},
            user_attrs={},
            intermediate_values={},
            datetime_start=None,
            datetime_complete=None,
        )
        return IMAGINED

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """The trial, with what the sampler wrote to it."""
        if trial_id != self._id_at_hand:
            return self._cache.get_trial(trial_id)
        if self._at_hand is None:
            found = (past.find(trial_id) for past in self._pasts.values())
            self._at_hand = next(filter(None, found), None) or self._cache.get_trial(trial_id)
        trial = copy.copy(self._at_hand)
        # Optuna writes what it samples into them: whoever is asked next shall not see it.
        trial.params, trial.distributions = dict(trial.params), dict(trial.distributions)
        trial.system_attrs = {**self.attributes, **trial.system_attrs}
        return trial

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """All trials, as far as samplers look at them: see ``storage.past``."""
        past = self._pasts.setdefault(study_id, Past(self._store, study_id, reports=self._reports))
        chosen = [t for t in past.trials() if states is None or t.state in states]
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
