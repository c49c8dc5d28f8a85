"""Ends a study that will hardly get better: ``--stop-when-flat``."""

from __future__ import annotations

from storage import stopping
from storage.database.engine import Store
from storage.sampling.sampler_storage import SamplerStorage
from storage.studies import Study
from tuner.search.samplers import trial_seed

OFTEN = 20  # it is looked at after each trial, later after one in so many of those that ended


class FlatStudy:
    """Looks, for one worker, at how much better its study could still get.

    Args:
        store: The database.
        study: Of one objective.
        seed: Of the study.
    """

    def __init__(self, store: Store, study: Study, seed: int) -> None:
        self._store, self._study, self._seed = store, study, seed
        self._history = SamplerStorage(store)
        self._next = 0

    def end_if_flat(self) -> None:
        """Finishes the study if it is flat; its reason says how much better it could still get.

        Raises:
            StoreUnreachable: The store is away.
            StudyGone: The study was deleted.
        """
        from tuner.search.surrogates.regret_bound import regret_bound  # SciPy takes a second

        trials = self._history.get_all_trials(self._study.study_id, deepcopy=False)
        ended = sum(trial.state.is_finished() for trial in trials)
        if ended < self._next:
            return
        self._next = ended + max(1, ended // OFTEN)
        bound = regret_bound(trials, self._study.sign, trial_seed(self._seed, ended))
        if bound is not None and bound.is_flat:
            best, better = self._study.own_sign(bound.best), bound.better
            stopping.finish_flat(
                self._store,
                self._study,
                f"{best:.4g} could be better by {better:.2g} at most, after {bound.stale} trials "
                "without a better one",
            )
