"""How an attempt ends: its outcome is written, the model of a good trial saved before."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from search_spaces.user_code.isolation import isolated, original
from search_spaces.user_code.source_files import brief
from storage import leases
from storage.errors import LeaseLost, StoreUnreachable, StudyGone
from storage.leases import Claim
from storage.outcomes import Failure, Outcome
from tuner.datasets import with_preprocessing
from tuner.errors import UserError, one_line
from tuner.trials.checkpoints import Checkpointer
from tuner.trials.cross_validation import CrossValidationResult
from tuner.trials.reload_check import check_reload
from tuner.trials.reporter import Reporter
from tuner.trials.study_context import TrainingContext

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)


class TrialEnding:
    """Ends one claimed trial.

    Args:
        context: Of the study in this worker.
        claim: Of the trial.
        reporter: Of the claim.

    Attributes:
        margins: By how much it violates each constraint, as far as that is known.
    """

    def __init__(self, context: TrainingContext, claim: Claim, reporter: Reporter) -> None:
        self._context, self._claim, self._reporter = context, claim, reporter
        self.margins: dict[str, float] = {}

    def write(self, outcome: Outcome) -> None:
        """Ends the trial in the store."""
        outcome = dataclasses.replace(outcome, constraints=self.margins)
        self._reporter.persist(lambda: leases.finish(self._context.store, self._claim, outcome))

    def end(self, outcome: Outcome, checkpointer: Checkpointer) -> None:
        """Ends the trial after its last report, and removes what it needs no more."""
        self._reporter.flush()
        try:
            self.write(outcome)
        except (LeaseLost, StudyGone):
            if outcome.model is not None:
                self._context.artifacts.remove([outcome.model])
            raise
        checkpointer.remove()
        if outcome.model is not None:
            with suppress(StoreUnreachable):  # the next call removes what this one left
                self._context.best_models.clear()

    def is_among_the_best(self, outcome: Outcome) -> bool:
        """Whether the model of a complete trial is to be saved."""
        value, further = outcome.value, outcome.further
        assert value is not None
        return self._reporter.persist(lambda: self._context.best_models.has_room(value, further))

    def end_with_model(
        self, outcome: Outcome, checkpointer: Checkpointer, trained: CrossValidationResult
    ) -> Callable[[], None] | None:
        """Measures the model on the test part.

        Returns:
            What saves it and ends the trial, in any thread; None where the trial has ended, because
            the model cannot be saved.
        """
        epoch = trained.result.best_epoch
        assert epoch is not None
        try:
            with isolated("scoring a model"):
                scores = _scores(trained)
                exported = with_preprocessing(trained.model, trained.data)
        except Exception as e:
            self.end(self._without_model(outcome, e), checkpointer)
            return None
        self._warn_if_not_loadable(exported)
        measured = dataclasses.replace(outcome, metrics={**outcome.metrics, **scores})
        return lambda: self._save_and_end(measured, checkpointer, exported, epoch)

    def _save_and_end(
        self, outcome: Outcome, checkpointer: Checkpointer, model: keras.Model, epoch: int
    ) -> None:
        self._reporter.progress()
        # A lost lease must be noticed before a file is written that no row points to.
        self._reporter.persist(lambda: leases.renew(self._context.store, self._claim))
        try:
            with isolated("saving a model"):
                saved = self._context.best_models.save(self._claim, model, epoch=epoch)
        except Exception as e:  # such as a full disk: the trial is complete without a file
            self.end(self._without_model(outcome, e), checkpointer)
            return
        outcome = dataclasses.replace(outcome, model=saved.path, model_sha256=saved.sha256)
        self.end(outcome, checkpointer)

    def _warn_if_not_loadable(self, model: keras.Model) -> None:
        """Warns of a model that cannot be loaded from its file: launch checked only one."""
        if self._context.space.source is None:
            return
        try:
            check_reload(model, brief(self._context.spec.space))
        except UserError as e:
            logger.warning("trial %d: %s", self._claim.number, e)

    def _without_model(self, outcome: Outcome, error: Exception) -> Outcome:
        reason = str(error) if isinstance(error, UserError) else one_line(original(error))
        logger.warning("the model of trial %d was not saved: %s", self._claim.number, reason)
        failure = Failure(kind="unsaved", message=f"the model was not saved: {reason}")
        return dataclasses.replace(outcome, failure=outcome.failure or failure)


def _scores(trained: CrossValidationResult) -> dict[str, float]:
    """Metrics of the best epoch's model on the test part, with the prefix ``test_``."""
    scores = trained.result.score(trained.data.test)
    return {f"test_{name}": value for name, value in scores.items()}
