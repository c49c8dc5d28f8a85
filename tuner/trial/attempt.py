"""One claim's way: hyperparameters, model, training, validation loss, model file.

The only place where search spaces and the store meet.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import optuna

from storage import leases, trials
from storage.errors import LeaseLost, StoreUnreachable, StudyGone
from storage.leases import Claim
from storage.outcomes import Failure, Outcome
from storage.trials import Suggestion
from tuner import samplers, sizing, training
from tuner.datasets import Data, deployable
from tuner.errors import one_line
from tuner.rounds import Ended
from tuner.trial.checkpoints import Checkpointer
from tuner.trial.courier import Courier
from tuner.trial.failing import failed, shortcoming
from tuner.trial.observer import TrialObserver
from tuner.trial.weighing import weigh
from tuner.trial.workbench import Workbench

if TYPE_CHECKING:
    import keras

    from tuner.training.state import TrainingState

MAX_REPEATS = 20  # points tried before that are thrown away; a small space may hold no other

logger = logging.getLogger(__name__)


class Attempt:
    """One claim's way from hyperparameters to its end.

    Attributes:
        rest: What is left to do when it has run, and may be done beside the next trial.
    """

    def __init__(self, bench: Workbench, claim: Claim, courier: Courier) -> None:
        self._of, self._claim, self._courier = bench, claim, courier
        self.rest: Callable[[], None] | None = None

    def run(self) -> None:
        """Trains to the end, or gives the trial back.

        Raises:
            LeaseLost: The trial is not ours any more; nothing was written since.
            StudyGone: The study was deleted.
        """
        try:
            hyperparameters, model, seed = self._courier.persist(self._prepare)
        except (LeaseLost, StudyGone):
            raise
        except training.OutOfMemory as e:
            self._finish(failed("out_of_memory", e))
            return
        except Exception as e:
            self._finish(failed("error", e))
            return
        try:
            sizing.check(
                model,
                batch_size=hyperparameters["batch_size"],
                max_parameters=self._of.spec.max_parameters,
                max_memory=self._of.spec.max_memory,
            )
        except sizing.Oversized as e:
            self._finish(failed("oversized", e))
            return
        self._train(hyperparameters, model, seed)

    def _prepare(self) -> tuple[dict[str, Any], keras.Model, int]:
        """Chooses hyperparameters, or takes those of an earlier attempt, and builds the model."""
        of, claim = self._of, self._claim
        seed = samplers.trial_seed(of.spec.seed, claim.number)
        if claim.hyperparameters is not None:
            return claim.hyperparameters, self._build(claim.hyperparameters, seed), seed
        foreseen = of.chooser.foreseen(claim)
        if foreseen is not None:
            self._begin(dataclasses.replace(foreseen, seed=seed))
            known = dict(foreseen.hyperparameters)
            return known, self._build(known, seed), seed
        for again in range(MAX_REPEATS + 1):
            trial = of.chooser.propose(claim, again=again)
            try:
                with self._building(seed):
                    chosen, model = of.space.realise(trial, of.data.inputs, of.data.outputs)
            except StoreUnreachable:
                raise
            except Exception:
                self._begin(self._suggestion(trial, self._chosen(trial), seed))
                raise
            if not of.chooser.was_tried(trial):
                break
        self._begin(self._suggestion(trial, chosen, seed))
        return chosen, model, seed

    def _build(
        self, hyperparameters: dict[str, Any], seed: int, data: Data | None = None
    ) -> keras.Model:
        data = data or self._of.data
        with self._building(seed):
            return self._of.space.construct(hyperparameters, data.inputs, data.outputs)

    @contextmanager
    def _building(self, seed: int) -> Iterator[None]:
        """What a trial's model is built under."""
        policy = self._of.spec.precision
        with training.seeded(seed), training.precision(policy), training.exhaustion():
            yield

    def _chosen(self, trial: optuna.trial.Trial) -> dict[str, Any]:
        """The hyperparameters of a trial whose model could not be built, as far as they go."""
        try:
            return {**trial.params, **self._of.space.suggest(trial)}
        except Exception:  # the space itself is what fails: its first error is the one to tell
            return dict(trial.params)

    def _suggestion(
        self, trial: optuna.trial.Trial, hyperparameters: dict[str, Any], seed: int
    ) -> Suggestion:
        return Suggestion(
            hyperparameters=hyperparameters,
            params=trial.params,
            distributions=trial.distributions,
            attributes=self._of.chooser.history.attributes,
            seed=seed,
        )

    def _begin(self, suggestion: Suggestion) -> None:
        self._courier.persist(lambda: trials.begin(self._of.store, self._claim, suggestion))

    def _train(self, hyperparameters: dict[str, Any], model: keras.Model, seed: int) -> None:
        of, claim = self._of, self._claim
        checkpointer = Checkpointer(
            of.store, of.artifacts, claim, min_interval=of.spec.checkpoint_interval
        )
        observer = TrialObserver(
            self._courier,
            checkpointer,
            stopping=of.stopping,
            objective=of.spec.goal.name,
            timeout=of.spec.trial_timeout,
            spent=claim.seconds,
            synchronous=of.spec.synchronous_reports,
        )
        of.chooser.look_ahead(claim.number)
        try:
            ended = self._fit(hyperparameters, model, seed, observer, checkpointer.load())
        except training.OutOfMemory as e:
            self._end(checkpointer, failed("out_of_memory", e))
            return
        except Exception as e:
            self._end(checkpointer, failed("error", e))
            return
        result = ended.result
        of.effort.seconds += result.seconds
        if result.status == "interrupted":
            self._give_back(checkpointer, observer, result)
            return
        outcome = self._outcome(result, observer)
        if of.spec.further:
            outcome = self._weighed(outcome, ended)
        if outcome.state != "complete" or not self._is_among_the_best(outcome):
            self._end(checkpointer, outcome)
        else:
            self._end_with_model(checkpointer, outcome, ended)

    def _fit(
        self,
        hyperparameters: dict[str, Any],
        model: keras.Model,
        seed: int,
        observer: TrialObserver,
        resume: TrainingState | None,
    ) -> Ended:
        """Trains once, or round after round."""
        of = self._of

        def train(model: keras.Model, data: Data, **options: Any) -> training.TrainingResult:
            return training.train(
                model,
                hyperparameters,
                data,
                metrics=of.spec.metrics,
                goal=of.spec.goal,
                epoch_patience=of.spec.epoch_patience,
                own_callbacks=of.spec.callbacks,
                **options,
            )

        if len(of.rounds) == 1:
            result = train(model, of.data, seed=seed, observer=observer, resume=resume)
            return Ended(result=result, model=model, data=of.data)

        def build(data: Data, seed: int) -> keras.Model:
            return self._build(hyperparameters, seed, data)

        return of.rounds.run(train, build, observer, seed=seed, model=model, resume=resume)

    def _give_back(
        self, checkpointer: Checkpointer, observer: TrialObserver, result: training.TrainingResult
    ) -> None:
        self._courier.settle()
        if self._courier.lost is None:
            checkpointer.flush(observer.state)
        seconds = self._claim.seconds + result.seconds
        self._courier.persist(
            lambda: leases.give_back(self._of.store, self._claim, seconds=seconds)
        )

    def _outcome(self, result: training.TrainingResult, observer: TrialObserver) -> Outcome:
        failure = shortcoming(result, timed_out=observer.timed_out)
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

    def _weighed(self, outcome: Outcome, ended: Ended) -> Outcome:
        try:
            return weigh(outcome, self._of.spec.further, ended.model, ended.data)
        except Exception as e:
            wrong = failed("error", e)
            return dataclasses.replace(wrong, seconds=outcome.seconds, path=outcome.path)

    def _is_among_the_best(self, outcome: Outcome) -> bool:
        value, further = outcome.value, outcome.further
        assert value is not None
        return self._courier.persist(lambda: self._of.shelf.has_room(value, further))

    def _end_with_model(
        self,
        checkpointer: Checkpointer,
        outcome: Outcome,
        ended: Ended,
    ) -> None:
        """Scores the model on the test part; it is saved beside the training of the next trial."""
        of, epoch = self._of, ended.result.best_epoch
        assert epoch is not None
        try:
            scores = _scores(ended.result, ended.data)
            whole = deployable(ended.model, ended.data)
        except Exception as e:
            self._end(checkpointer, self._unsaved(outcome, e))
            return
        outcome = dataclasses.replace(outcome, metrics={**outcome.metrics, **scores})

        def rest() -> None:
            self._courier.progress()
            # A worker that was away for too long shall find that out before it writes a file.
            self._courier.persist(lambda: leases.renew(of.store, self._claim))
            try:
                path = of.shelf.save(self._claim, whole, epoch=epoch).path
            except Exception as e:  # a full disk costs the file, not the trial
                self._end(checkpointer, self._unsaved(outcome, e))
                return
            self._end(checkpointer, dataclasses.replace(outcome, model=path))

        self.rest = rest

    def _unsaved(self, outcome: Outcome, error: Exception) -> Outcome:
        logger.warning("the model of trial %d was not saved: %s", self._claim.number, error)
        unsaved = Failure(kind="unsaved", message=f"the model was not saved: {one_line(error)}")
        return dataclasses.replace(outcome, failure=outcome.failure or unsaved)

    def _end(self, checkpointer: Checkpointer, outcome: Outcome) -> None:
        self._courier.settle()
        try:
            self._finish(outcome)
        except (LeaseLost, StudyGone):
            if outcome.model is not None:
                self._of.artifacts.remove([outcome.model])
            raise
        checkpointer.remove()
        if outcome.model is not None:
            with suppress(StoreUnreachable):  # the next model that is saved makes up for it
                self._of.shelf.clear()

    def _finish(self, outcome: Outcome) -> None:
        self._courier.persist(lambda: leases.finish(self._of.store, self._claim, outcome))


def _scores(result: training.TrainingResult, data: Data) -> dict[str, float]:
    """Metrics of the best epoch's model on the test part."""
    return {f"test_{name}": value for name, value in result.score(data.test).items()}
