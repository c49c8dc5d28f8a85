"""What a worker trains next: planned, asked for, or chosen by a sampler.

A sampler that learns takes longer the more it has to learn from: TPE 20 ms after 100 trials,
100 ms after 1,000. Where that is a notable share of a trial, the next trial's hyperparameters are
chosen beside the training of this one, and know nothing of it; where it is not, the newest
knowledge is worth more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import optuna

from search_spaces.space import SearchSpace
from search_spaces.user_code.isolation import isolated, trusted
from storage import study_attributes
from storage.database.engine import Store
from storage.errors import StoreUnreachable, StudyGone
from storage.leases import Claim
from storage.sampling.sampler_storage import SamplerStorage
from storage.studies import Study
from storage.trials import Suggestion
from tuner.search import samplers
from tuner.search.auto_choice import shuffled_grid
from tuner.search.enqueued_trial import EnqueuedTrial
from tuner.search.past_scores import PastScores
from tuner.studies.study_spec import StudySpec

SHARE = 0.02  # of a trial's time that choosing may take without being done ahead


class Suggester:
    """Asks the sampler of a study, for one worker.

    Attributes:
        history: What the sampler sees, with what it wrote to the trial at hand.
    """

    def __init__(self, store: Store, study: Study, spec: StudySpec, space: SearchSpace) -> None:
        self._study, self._spec, self._space = study, spec, space
        with self._of_the_space():
            self._starting_points = space.starting_points()
            self._grid = [] if spec.tiny_points is None else shuffled_grid(space, spec.seed)
        reports = not study.further
        self.history = SamplerStorage(store, reports=reports)
        self._past = read_past(store, study) if spec.past else None
        self._prefetch = (
            SuggestionPrefetch(self, SamplerStorage(store, reports=reports))
            if self._may_prefetch()
            else None
        )

    def _may_prefetch(self) -> bool:
        spec, space = self._spec, self._space
        slow = samplers.SAMPLERS[spec.sampler].learns_slowly
        return slow and space.declared_whole and not spec.synchronous_reports

    def propose(self, claim: Claim, *, again: int = 0) -> optuna.trial.Trial:
        """Returns Optuna's trial, ready to be asked.

        Args:
            again: How many points were proposed for it that were tried before.
        """
        seed = samplers.trial_seed(self._spec.seed, claim.number)
        name = self._spec.sampler
        if again:
            name, seed = "random", samplers.trial_seed(seed, again)
        self.history.begin(claim.trial_id, self._fixed(claim.number))
        began = time.monotonic()
        trial = self.ask(self.history, name, seed, claim.trial_id)
        if self._prefetch is not None:
            self._prefetch.seconds = time.monotonic() - began
        return trial

    def ask(
        self, history: SamplerStorage, name: str, seed: int, trial_id: int
    ) -> optuna.trial.Trial:
        """Returns a trial of Optuna that samples from a history."""
        history.get_all_trials(self._study.study_id, deepcopy=False)  # some samplers need it
        study = optuna.Study(
            study_name=self._study.name,
            storage=history,
            sampler=samplers.make(name, seed, self._past),
        )
        return EnqueuedTrial(study, trial_id)

    def was_tried(self, trial: optuna.trial.Trial) -> bool:
        """Whether another trial has the same point, although nobody asked for it again."""
        attributes = self.history.get_trial(trial._trial_id).system_attrs
        if not trial.params or "fixed_params" in attributes:
            return False
        return self._is_taken(trial.params, trial.number)

    def _is_taken(self, params: Mapping[str, Any], number: int) -> bool:
        others = self.history.get_all_trials(self._study.study_id, deepcopy=False)
        return any(t.params == params and t.number != number for t in others)

    def _fixed(self, number: int) -> dict[str, Any] | None:
        """What the sampler has planned; before other samplers a few sensible points are tried."""
        name = self._spec.sampler
        point = samplers.planned(name, self._space, seed=self._spec.seed, number=number)
        if number < len(self._grid):
            point = self._next_of_grid(number)
        elif samplers.SAMPLERS[name].plan is None and number < len(self._starting_points):
            point = self._starting_points[number]
        if point is None:
            return None
        with self._of_the_space():
            return self._space.encode(point)

    def _next_of_grid(self, number: int) -> dict[str, Any] | None:
        """The point of a trial; where another trial has it, such as one of the past, the next."""
        others = self.history.get_all_trials(self._study.study_id, deepcopy=False)
        taken = [t.params for t in others if t.number != number and t.params]
        for point in (*self._grid[number:], *self._grid[:number]):
            with self._of_the_space():
                encoded = self._space.encode(point)
            if not any(all(encoded.get(n) == v for n, v in params.items()) for params in taken):
                return point
        return None

    def _of_the_space(self) -> AbstractContextManager[None]:
        """Around methods of the space, which may be the user's own."""
        return isolated(self._space.name)

    def look_ahead(self, number: int) -> None:
        """The training of a trial begins: what comes after it may be chosen meanwhile."""
        if self._prefetch is not None:
            self._prefetch.begin(number)

    def prefetched(self, claim: Claim) -> Suggestion | None:
        """What was chosen ahead; None where there is nothing, or it must not be used."""
        if self._prefetch is None or not self._prefetch.ready or self._fixed(claim.number):
            return None
        self.history.begin(claim.trial_id)
        suggestion = self._prefetch.take()
        if suggestion is None or self._is_taken(suggestion.params, claim.number):
            return None
        asked = "fixed_params" in self.history.get_trial(claim.trial_id).system_attrs
        return None if asked else suggestion

    def imagine(self, history: SamplerStorage, number: int) -> Suggestion:
        """Chooses for the trial after one of this number, which does not exist yet."""
        seed = samplers.trial_seed(self._spec.seed, number)
        trial = self.ask(
            history, self._spec.sampler, samplers.trial_seed(seed, 0), history.imagine(number + 1)
        )
        with self._of_the_space():
            hyperparameters = self._space.suggest(trusted(trial))
        return Suggestion(
            hyperparameters=hyperparameters,
            params=trial.params,
            distributions=trial.distributions,
            attributes=history.attributes,
            seed=seed,
        )


def read_past(store: Store, study: Study) -> PastScores | None:
    """Returns what past studies found, as it was when the study was launched."""
    values = study_attributes.read(store, study, study_attributes.PAST)
    return None if values is None else PastScores.from_dict(values)


class SuggestionPrefetch:
    """Chooses ahead, on a thread of its own, where it is worth it.

    Attributes:
        seconds: That choosing took the last time.
    """

    def __init__(self, suggester: Suggester, history: SamplerStorage) -> None:
        self._suggester, self._history = suggester, history
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="foresight")
        self._next: Future[Suggestion] | None = None
        self._began: float | None = None
        self.seconds = 0.0

    @property
    def ready(self) -> bool:
        """Whether something was chosen, or is being chosen."""
        return self._next is not None

    def begin(self, number: int) -> None:
        """A trial of this number begins; the time since the last one is what a trial takes."""
        now = time.monotonic()
        took, self._began = None if self._began is None else now - self._began, now
        if self._next is None and took is not None and self.seconds > SHARE * took:
            self._next = self._thread.submit(self._choose, number)

    def take(self) -> Suggestion | None:
        """What was chosen, once it is; None where the store was away."""
        chosen, self._next = self._next, None
        try:
            return None if chosen is None else chosen.result()
        except (StoreUnreachable, StudyGone):
            return None

    def _choose(self, number: int) -> Suggestion:
        began = time.monotonic()
        suggestion = self._suggester.imagine(self._history, number)
        self.seconds = time.monotonic() - began
        return suggestion
