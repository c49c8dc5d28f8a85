"""The storage under a trial that the user's own code asks, reports to, and reads its study from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from storage import trial_writes
from storage.database.engine import Store
from storage.leases import Claim
from storage.sampling.sampler_storage import SamplerStorage, new_trial

Persist = Callable[[Callable[[], Any]], Any]
Method = TypeVar("Method", bound=Callable[..., Any])


def _waiting(read: Method) -> Method:
    """The same method, which waits for a store that is away: the error would be the code's own."""

    @functools.wraps(read)
    def patient(self: TrialStorage, *arguments: Any, **named: Any) -> Any:
        return self._persist(lambda: read(self, *arguments, **named))

    return cast(Method, patient)


class TrialStorage(SamplerStorage):
    """What samplers see, and one trial whose code writes to it as it goes.

    Args:
        store: The database.
        reports: See ``storage.optuna.trial_cache.TrialCache``.
    """

    def __init__(self, store: Store, *, reports: bool = True) -> None:
        super().__init__(store, reports=reports)
        self._claim: Claim | None = None
        self._persist: Persist = lambda write: write()
        self._report: Callable[[int, float], None] = lambda step, value: None
        self._unwritten: dict[str, Any] = {}  # system attributes

    get_trial = _waiting(SamplerStorage.get_trial)
    get_all_trials = _waiting(SamplerStorage.get_all_trials)
    get_study_id_from_name = _waiting(SamplerStorage.get_study_id_from_name)
    get_study_name_from_id = _waiting(SamplerStorage.get_study_name_from_id)
    get_study_directions = _waiting(SamplerStorage.get_study_directions)
    get_study_user_attrs = _waiting(SamplerStorage.get_study_user_attrs)
    get_study_system_attrs = _waiting(SamplerStorage.get_study_system_attrs)
    set_study_system_attr = _waiting(SamplerStorage.set_study_system_attr)
    get_all_studies = _waiting(SamplerStorage.get_all_studies)

    def hold(self, claim: Claim, persist: Persist, report: Callable[[int, float], None]) -> None:
        """Makes a claimed trial the one that is written to, with what earlier attempts wrote.

        Args:
            claim: Of the trial.
            persist: Calls a write until the store answers; see ``tuner.trials.reporter``.
            report: Takes the step and value of each report.
        """
        self.begin(claim.trial_id)
        self._claim, self._persist, self._unwritten = claim, persist, {}
        self._report = report
        self.get_all_trials(claim.study.study_id, deepcopy=False)  # some samplers need it, too
        cached = self._trial_caches[claim.study.study_id].find(claim.trial_id)
        if claim.token > 1 or cached is None or cached.system_attrs:
            self._current = self._store.optuna.get_trial(claim.trial_id)
        else:  # new, so that nothing of it can be missing; reading it takes six statements
            begun = datetime.now(UTC).replace(tzinfo=None)  # as it stands in the store
            self._current = new_trial(claim.number, claim.trial_id, begun)

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Writes a suggested value at once: who takes the trial over suggests it again."""
        claim, trial = self._held(trial_id)
        value = distribution.to_external_repr(param_value_internal)
        attributes = dict(self._unwritten)
        self._persist(
            lambda: trial_writes.write_param(
                self._store,
                claim,
                param_name,
                param_value_internal,
                distribution,
                hyperparameters={**trial.params, param_name: value},
                attributes=attributes,
            )
        )
        trial.params[param_name] = value
        trial.distributions[param_name] = distribution
        self._unwritten = {}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Keeps an attribute until the next value is written, or ``flush``."""
        super().set_trial_system_attr(trial_id, key, value)
        self._unwritten[key] = value

    def flush(self) -> None:
        """Writes the attributes that are kept."""
        if self._unwritten and self._claim is not None:
            claim, attributes = self._claim, dict(self._unwritten)
            self._persist(lambda: trial_writes.write_attributes(self._store, claim, attributes))
            self._unwritten = {}

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Hands a report on."""
        self._held(trial_id)
        self._report(step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        claim, trial = self._held(trial_id)
        self._persist(lambda: trial_writes.write_user_attribute(self._store, claim, key, value))
        trial.user_attrs[key] = value

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        claim = self._claim
        if claim is None or claim.study.study_id != study_id:
            raise self._read_only()
        self._persist(lambda: trial_writes.write_study_attribute(self._store, claim, key, value))

    @_waiting
    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """The best trial with everything, by two statements more than samplers need."""
        best = super().get_best_trial(study_id)
        return self._store.optuna.get_trial(best._trial_id)

    @_waiting
    def read_trials(self, study_id: int, states: Container[TrialState] | None) -> list[FrozenTrial]:
        """All trials of a study with everything, as users know them from Optuna."""
        return self._store.optuna.get_all_trials(study_id, deepcopy=False, states=states)

    def _held(self, trial_id: int) -> tuple[Claim, FrozenTrial]:
        if self._claim is None or self._current is None or trial_id != self._claim.trial_id:
            raise self._read_only()
        return self._claim, self._current

    @staticmethod
    def _read_only() -> PermissionError:
        return PermissionError(
            "Expected code that writes to its own trial only. Received: another trial or study: "
            "trials are handed out by `tuner`, and others are read."
        )
