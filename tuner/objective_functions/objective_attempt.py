"""One attempt at a trial whose training is an objective function of the user's own."""

from __future__ import annotations

import dataclasses
import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import optuna

from search_spaces.user_code.isolation import isolated, original
from storage import leases, trial_writes, trials
from storage.errors import LeaseLost, StoreUnreachable, StudyGone
from storage.leases import Claim
from storage.outcomes import Failure, Outcome
from storage.trials import Suggestion
from tuner.errors import one_line
from tuner.objective_functions.current_trial import (
    CurrentTrial,
    TrialSurroundings,
    set_current,
)
from tuner.objective_functions.interruptions import (
    Interruptions,
    Reason,
    SilentTrialGuard,
    TrialInterrupted,
)
from tuner.objective_functions.objective_context import ObjectiveContext
from tuner.objective_functions.observed_study import ObservedStudy
from tuner.objective_functions.returned_values import returned_values
from tuner.objective_functions.trial_folder import TrialFolder
from tuner.search import samplers
from tuner.trials.checkpoints import Checkpointer
from tuner.trials.failures import failed_outcome
from tuner.trials.reporter import Report, Reporter

STEP = "step"  # beside the objective in a trial's learning curve
# How libraries call a lack of memory; importing them to ask would take seconds.
MEMORY_ERRORS = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
VAGUE_ERRORS = {"RuntimeError", "InternalError", "UnknownError"}
MEMORY_WORDS = "out of memory"


class ObjectiveAttempt:
    """Runs one claimed trial by calling an objective function.

    Args:
        context: Of the study in this worker.
        claim: Of the trial.
        reporter: Of the claim.

    Attributes:
        finalize: Always None: the trial has ended when ``run`` returns.
    """

    finalize: Callable[[], None] | None = None

    def __init__(self, context: ObjectiveContext, claim: Claim, reporter: Reporter) -> None:
        self._context, self._claim, self._reporter = context, claim, reporter
        self._began = time.monotonic()
        self._seed = samplers.trial_seed(context.spec.seed, claim.number)
        self._trial: CurrentTrial | None = None
        limit = context.spec.trial_timeout
        self._interruptions = Interruptions(
            reporter, context.stopping, None if limit is None else limit - claim.seconds
        )
        self._checkpointer = Checkpointer(
            context.store,
            context.artifacts,
            claim,
            min_interval=context.spec.checkpoint_interval,
            wait_until_reported=reporter.wait_until_reported,
        )
        self._folder = TrialFolder(self._checkpointer)

    def run(self) -> None:
        """Calls the function and writes how the trial ended, or gives the trial back.

        Raises:
            LeaseLost: This worker has lost the trial; it has written nothing since.
            StudyGone: The study was deleted.
        """
        guard = SilentTrialGuard(
            self._interruptions, abandon=self._abandon, end_process=self._reporter.hang
        )
        try:
            with self._folder:
                with guard:
                    ended = self._outcome()
                if isinstance(ended, Reason):
                    self._stop(ended)
                else:
                    self._end(ended)
        finally:
            self._context.training_time.seconds += time.monotonic() - self._began

    def _outcome(self) -> Outcome | Reason:
        """What came of calling the function."""
        try:
            with isolated(self._context.function.name), self._at_hand() as trial:
                answer = self._call(trial)
            return self._completed(answer)
        except Exception as e:
            cause = original(e)
            if isinstance(cause, optuna.TrialPruned):
                return self._pruned()
            if isinstance(cause, TrialInterrupted):
                return cause.reason
            kind = "out_of_memory" if _is_lack_of_memory(cause) else "error"
            return self._with_seconds(failed_outcome(kind, e))

    @contextmanager
    def _at_hand(self) -> Iterator[CurrentTrial]:
        """The trial as the function gets it, which is ``current_trial`` meanwhile."""
        self._trial = trial = self._ask()
        _seed_everything(self._seed)
        set_current(trial)
        try:
            yield trial
        finally:
            set_current(None)

    def _ask(self) -> CurrentTrial:
        context, claim, persist = self._context, self._claim, self._persist
        if claim.hyperparameters is None:
            nothing = Suggestion(hyperparameters={}, params={}, distributions={}, seed=self._seed)
            persist(lambda: trials.begin(context.store, claim, nothing))
        persist(lambda: context.storage.hold(claim, persist, self._report))
        study = ObservedStudy(
            context.study.name,
            context.storage,
            samplers.make(context.spec.sampler, self._seed, context.past),
            self._stop_study,
        )
        surroundings = TrialSurroundings(
            store=context.store,
            claim=claim,
            artifacts=context.artifacts,
            reporter=self._reporter,
            persist=persist,
            interruptions=self._interruptions,
            folder=self._folder,
            device=context.device,
            seed=self._seed,
            overrides=context.function.overrides,
        )
        return CurrentTrial(study, surroundings)

    def _persist(self, write: Callable[[], Any]) -> Any:
        """Writes for the function, whose ``except Exception`` must not swallow a lost lease."""
        try:
            return self._reporter.persist(write)
        except (LeaseLost, StudyGone) as e:
            raise TrialInterrupted(Reason.LOST) from e

    def _call(self, trial: CurrentTrial) -> Any:
        function, data = self._context.function, self._context.data
        answer = function.function(trial) if data is None else function.function(trial, data)
        self._context.note_suggested(trial.params)
        return answer

    def _report(self, step: int, value: float) -> None:
        assert self._trial is not None
        metrics = {self._context.spec.objective: value, STEP: step}
        number = self._trial.reports + 1
        self._reporter.report(Report(number, value, metrics, step=step))

    def _stop_study(self) -> None:
        self._interruptions.ends_study = True
        self._persist(lambda: trial_writes.stop_study(self._context.store, self._claim))

    def _completed(self, answer: Any) -> Outcome:
        count = len(self._context.spec.objectives)
        try:
            values = returned_values(answer, count)
        except ValueError as e:
            return self._with_seconds(
                Outcome(state="failed", failure=Failure(kind="error", message=str(e)))
            )
        if not all(map(math.isfinite, values)):
            message = f"the objective is not finite: {', '.join(map(str, values))}"
            failure = Failure(kind="diverged", message=message)
            return self._with_seconds(Outcome(state="failed", failure=failure))
        value, *further = values
        return self._with_seconds(Outcome(state="complete", value=value, further=tuple(further)))

    def _pruned(self) -> Outcome:
        return self._with_seconds(Outcome(state="pruned", value=self._best_reported()))

    def _best_reported(self) -> float | None:
        """The best value that was reported; None without one, and with several objectives."""
        sign = self._context.study.sign
        reported = self._trial.reported.values() if self._trial is not None else ()
        return min(filter(math.isfinite, reported), key=lambda value: sign * value, default=None)

    def _with_seconds(self, outcome: Outcome) -> Outcome:
        return dataclasses.replace(outcome, seconds=self._seconds())

    def _seconds(self) -> float:
        return self._claim.seconds + time.monotonic() - self._began

    def _stop(self, reason: Reason) -> None:
        """Ends an attempt that was interrupted."""
        if reason is Reason.LOST:
            raise LeaseLost(self._reporter.lost or "The lease is lost.")
        if reason is Reason.GIVE_BACK:
            self._reporter.flush()
            self._folder.flush(self._trial.reports if self._trial is not None else 0)
            self._give_back()
        else:
            self._end(self._cut_short(reason))

    def _give_back(self) -> None:
        self._reporter.persist(
            lambda: leases.give_back(self._context.store, self._claim, seconds=self._seconds())
        )

    def _cut_short(self, reason: Reason) -> Outcome:
        """How a trial ends that was ended from outside: with the best value that it reported."""
        value, kind = self._best_reported(), "timeout" if reason is Reason.TIMEOUT else "ended"
        if value is None:
            failure = Failure(kind=kind, message=f"{reason.value} before it reported a value")
            return self._with_seconds(Outcome(state="failed", failure=failure))
        if reason is Reason.END:
            return self._pruned()
        count = self._trial.reports if self._trial else 0
        message = f"{reason.value} after {count} report{'s' * (count != 1)}"
        failure = Failure(kind=kind, message=message)
        return self._with_seconds(Outcome(state="complete", value=value, failure=failure))

    def _abandon(self, reason: Reason) -> None:
        """Writes the end of an attempt whose code goes on; its folder is being written to."""
        with suppress(LeaseLost, StudyGone):
            if reason is Reason.GIVE_BACK:
                self._give_back()
            elif reason is not Reason.LOST:
                self._finish(self._cut_short(reason))

    def _end(self, outcome: Outcome) -> None:
        self._reporter.flush()
        self._context.storage.flush()
        outcome = self._with_model(outcome)
        try:
            self._finish(outcome)
        except (LeaseLost, StudyGone):
            if outcome.model is not None:
                self._context.artifacts.remove([outcome.model])
            raise
        self._checkpointer.remove()
        if outcome.model is not None:
            with suppress(StoreUnreachable):  # the next call removes what this one left
                self._context.best_models.clear()

    def _with_model(self, outcome: Outcome) -> Outcome:
        """Saves the model that was logged, if the trial is among the best."""
        best, trial, value = self._context.best_models, self._trial, outcome.value
        if outcome.state != "complete" or value is None or trial is None:
            return outcome
        if not trial.logged_model.exists():
            return outcome
        if not self._reporter.persist(lambda: best.has_room(value, outcome.further)):
            return outcome
        try:
            saved = best.save_file(self._claim, trial.logged_model, epoch=trial.reports)
        except OSError as e:  # such as a full disk: the trial is complete without a file
            reason = f"the model was not saved: {one_line(e)}"
            failure = outcome.failure or Failure(kind="unsaved", message=reason)
            return dataclasses.replace(outcome, failure=failure)
        return dataclasses.replace(outcome, model=saved.path, model_sha256=saved.sha256)

    def _finish(self, outcome: Outcome) -> None:
        self._reporter.persist(lambda: leases.finish(self._context.store, self._claim, outcome))


def _is_lack_of_memory(error: BaseException) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    says_so = MEMORY_WORDS in str(error).lower()
    return bool(names & MEMORY_ERRORS) or (says_so and bool(names & VAGUE_ERRORS))


def _seed_everything(seed: int) -> None:
    """Seeds what the function may draw from; `isolated` restores it. Keras draws from Python's."""
    random.seed(seed)
    np.random.seed(seed)
