"""Runs trials of one study, one after another, with their reporter, logs and finalizer."""

from __future__ import annotations

import faulthandler
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from storage import logs
from storage.leases import Claim
from tuner.search import pruners
from tuner.trials.finalizer import Finalizer
from tuner.trials.output_capture import OutputCapture
from tuner.trials.reporter import Reporter
from tuner.trials.study_context import StudyContext

logger = logging.getLogger(__name__)


class TrialAttempt(Protocol):
    """One claimed trial, whoever trains it: see ``tuner.trials.attempt.Attempt``."""

    finalize: Callable[[], None] | None

    def run(self) -> None:
        """Trains to the end, or gives the trial back."""


@dataclass(kw_only=True)
class TrialRunner:
    """Runs claimed trials of one study, one after another.

    Attributes:
        context: Of the study in this worker.
        attempt: Makes what runs a claimed trial.
        hung: Called when a trial hangs.
        output_capture: Of what this process prints, for the logs of trials.
        finalizer: Saves the model of the trial before.
    """

    context: StudyContext
    attempt: Callable[[Claim, Reporter], TrialAttempt]
    hung: Callable[[], None] = lambda: None
    output_capture: OutputCapture
    finalizer: Finalizer = field(default_factory=Finalizer)

    def __post_init__(self) -> None:
        self._logged_claim: Claim | None = None

    def run(self, claim: Claim) -> None:
        """Trains a trial to its end, or gives it back; its model may be saved afterwards.

        Args:
            claim: Of the trial.

        Raises:
            LeaseLost: This worker has lost the trial; it has written nothing since.
            StudyGone: The study was deleted.
        """
        # A process that dies with two trials does not say by which. So a trial that lost a worker
        # has the next one to itself: else good trials are lost again with each crash of others.
        alone = claim.token > 1 or self.context.spec.synchronous_reports
        if alone:
            self.finalizer.wait()
        self.output_capture.skip()
        self._logged_claim = claim
        reporter = Reporter(
            self.context.store,
            claim,
            pruners.from_dict(self.context.spec.pruner),
            stall=self.context.spec.stall_timeout,
            may_be_silent=self.context.spec.own_training,
            beat=lambda: self._update_log(claim),
            hung=lambda: self._hang(claim),
        )
        attempt = self.attempt(claim, reporter)
        try:
            attempt.run()
        finally:
            if attempt.finalize is None:
                reporter.close()
            self._logged_claim = None
            self._keep_log(claim)
        if attempt.finalize is not None:
            self.finalizer.begin(attempt.finalize, then=reporter.close)
        if alone:
            self.finalizer.wait()

    def _update_log(self, claim: Claim) -> None:
        if (
            self._logged_claim is claim
        ):  # otherwise it is finalized, and the output is the next trial's
            self._keep_log(claim)

    def _hang(self, claim: Claim) -> None:
        faulthandler.dump_traceback(sys.stderr)  # of all threads: one of them hangs
        self._update_log(claim)
        self.hung()

    def _keep_log(self, claim: Claim) -> None:
        try:
            logs.append(self.context.store, claim, self.output_capture.take())
        except Exception as e:  # a log is not worth a retry or a dead worker
            logger.info("a log of trial %d was not kept: %s", claim.number, e)
