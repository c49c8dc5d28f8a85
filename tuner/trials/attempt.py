"""One attempt at a trial: hyperparameters, model, training, outcome, model file.

The only module that uses both search spaces and the store.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from search_spaces.user_code.isolation import isolated
from storage import leases, trials
from storage.errors import LeaseLost, StudyGone
from storage.leases import Claim
from storage.outcomes import Failure, Outcome
from storage.trials import Suggestion
from tuner import training
from tuner.datasets import Data
from tuner.studies.constraints import Infeasible
from tuner.training import model_size
from tuner.trials.checkpoints import Checkpointer
from tuner.trials.cross_validation import CrossValidationResult, as_defined
from tuner.trials.epoch_observer import EpochObserver
from tuner.trials.failures import failed_outcome, incomplete_failure
from tuner.trials.model_builder import ModelBuilder
from tuner.trials.objective_values import measure_objectives
from tuner.trials.reporter import Reporter
from tuner.trials.study_context import TrainingContext
from tuner.trials.trial_beginning import BegunTrial, TrialBeginning
from tuner.trials.trial_ending import TrialEnding

if TYPE_CHECKING:
    import keras


class Attempt:
    """Runs one claimed trial.

    Args:
        context: Of the study in this worker.
        claim: Of the trial.
        reporter: Of the claim.

    Attributes:
        finalize: Saves the model and ends the trial; None where ``run`` has done all. It may be
            called from another thread, during the next trial.
    """

    def __init__(self, context: TrainingContext, claim: Claim, reporter: Reporter) -> None:
        self._context, self._claim, self._reporter = context, claim, reporter
        self._builder = ModelBuilder(context=context, number=claim.number)
        self._beginning = TrialBeginning(
            context=context, claim=claim, builder=self._builder, record=self._record
        )
        self._ending = TrialEnding(context, claim, reporter)
        self.finalize: Callable[[], None] | None = None

    def run(self) -> None:
        """Trains to the end, gives the trial back, or lets it rest.

        Raises:
            LeaseLost: This worker has lost the trial; it has written nothing since.
            StudyGone: The study was deleted.
        """
        try:
            begun = self._reporter.persist(self._beginning.begin)
            margins = self._builder.margins(begun.model, begun.hyperparameters)
            self._ending.margins = margins.by_constraint
            self._builder.check_size(begun.model, begun.hyperparameters["batch_size"])
            margins.check()
        except (LeaseLost, StudyGone):
            raise
        except Exception as e:
            self._ending.write(_failed(e))
            return
        self._train(begun)

    def _record(self, suggestion: Suggestion) -> None:
        self._reporter.persist(lambda: trials.begin(self._context.store, self._claim, suggestion))

    def _train(self, begun: BegunTrial) -> None:
        context, claim = self._context, self._claim
        checkpointer = Checkpointer(
            context.store,
            context.artifacts,
            claim,
            min_interval=context.spec.checkpoint_interval,
            wait_until_reported=self._reporter.wait_until_reported,
        )
        observer = EpochObserver(
            self._reporter,
            checkpointer,
            stopping=context.stopping,
            objective=context.spec.main_objective.name,
            timeout=context.spec.trial_timeout,
            spent=claim.seconds,
            synchronous=context.spec.synchronous_reports,
        )
        context.suggester.look_ahead(claim.number)
        try:
            trained = self._fit(begun, observer, checkpointer)
        except Exception as e:
            self._ending.end(_failed(e), checkpointer)
            return
        context.training_time.seconds += trained.result.seconds
        if trained.result.status == "interrupted":
            self._give_back(checkpointer, observer, trained)
        elif trained.result.status == "resting":
            self._rest(checkpointer, observer, trained)
        else:
            self._end(checkpointer, observer, trained)

    def _fit(
        self, begun: BegunTrial, observer: EpochObserver, checkpointer: Checkpointer
    ) -> CrossValidationResult:
        """Trains the model once, or in several rounds of cross-validation."""
        context, resume = self._context, checkpointer.load()
        train = as_defined(
            context.spec,
            begun.hyperparameters,
            study=context.study.name,
            number=self._claim.number,
        )
        if len(context.cross_validation) == 1:
            data = context.study_data.of(begun.hyperparameters)
            result = train(begun.model, data, seed=begun.seed, observer=observer, resume=resume)
            return CrossValidationResult(result=result, model=begun.model, data=data)

        def build(data: Data, seed: int) -> keras.Model:
            return self._builder.build(begun.hyperparameters, seed, data)

        return context.cross_validation.run(
            train,
            build,
            observer,
            hyperparameters=begun.hyperparameters,
            seed=begun.seed,
            model=begun.model,
            resume=resume,
        )

    def _give_back(
        self, checkpointer: Checkpointer, observer: EpochObserver, trained: CrossValidationResult
    ) -> None:
        self._keep_state(checkpointer, observer, trained)
        seconds = self._claim.seconds + trained.result.seconds
        self._reporter.persist(
            lambda: leases.give_back(self._context.store, self._claim, seconds=seconds)
        )

    def _rest(
        self, checkpointer: Checkpointer, observer: EpochObserver, trained: CrossValidationResult
    ) -> None:
        self._keep_state(checkpointer, observer, trained)
        outcome = self._outcome(trained.result, observer)
        outcome = dataclasses.replace(outcome, constraints=self._ending.margins)
        store = self._context.store
        most = self._reporter.rule.most_resting
        unneeded = self._reporter.persist(
            lambda: leases.rest(store, self._claim, outcome, keep=most)
        )
        self._context.artifacts.remove(unneeded)

    def _keep_state(
        self, checkpointer: Checkpointer, observer: EpochObserver, trained: CrossValidationResult
    ) -> None:
        """Writes a checkpoint that whoever resumes the trial goes on from."""
        self._reporter.flush()
        if self._reporter.lost is None:
            checkpointer.flush(trained.state or observer.state)

    def _end(
        self, checkpointer: Checkpointer, observer: EpochObserver, trained: CrossValidationResult
    ) -> None:
        outcome = self._outcome(trained.result, observer)
        if self._context.spec.further:
            outcome = self._with_further_objectives(outcome, trained)
        if outcome.state == "complete" and self._ending.is_among_the_best(outcome):
            self.finalize = self._ending.end_with_model(outcome, checkpointer, trained)
        else:
            self._ending.end(outcome, checkpointer)

    def _outcome(self, result: training.TrainingResult, observer: EpochObserver) -> Outcome:
        failure = incomplete_failure(result, timed_out=observer.timed_out)
        seconds = self._claim.seconds + result.seconds
        if result.best_value is None:
            failure = failure or Failure(kind="error", message="no epoch was finished")
            return Outcome(state="failed", failure=failure, seconds=seconds, path=result.path)
        complete = result.status in ("finished", "diverged") or observer.timed_out
        return Outcome(
            state="complete" if complete else "pruned",
            value=result.best_value,
            metrics=result.metrics,
            seconds=seconds,
            path=result.path,
            failure=failure,
        )

    def _with_further_objectives(self, outcome: Outcome, trained: CrossValidationResult) -> Outcome:
        try:
            with isolated("measuring objectives"):
                return measure_objectives(
                    outcome, self._context.spec.further, trained.model, trained.data
                )
        except Exception as e:
            failed = failed_outcome("error", e)
            return dataclasses.replace(failed, seconds=outcome.seconds, path=outcome.path)


def _failed(error: Exception) -> Outcome:
    kinds = {
        training.OutOfMemory: "out_of_memory",
        model_size.Oversized: "oversized",
        Infeasible: "infeasible",
    }
    return failed_outcome(kinds.get(type(error), "error"), error)
