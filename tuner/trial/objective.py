"""Trials of one study, one after another, with their traffic, their logs and what comes after."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from storage import logs
from storage.errors import StoreUnreachable
from storage.leases import Claim
from tuner.trial.afterwork import Afterwork
from tuner.trial.attempt import Attempt
from tuner.trial.courier import Courier
from tuner.trial.transcript import Transcript
from tuner.trial.workbench import Workbench


@dataclass(kw_only=True)
class Objective:
    """Runs claimed trials of one study, one after another.

    Attributes:
        beat: Called now and then, to say that the worker is alive.
        transcript: What this process prints; kept with the trial at hand.
        afterwork: The end of the trial before, as far as it takes time.
    """

    bench: Workbench
    beat: Callable[[], None]
    transcript: Transcript
    afterwork: Afterwork = field(default_factory=Afterwork)

    def __post_init__(self) -> None:
        self._telling: Claim | None = None

    def run(self, claim: Claim) -> None:
        """Trains a trial to its end, or gives it back.

        A model that is to be kept may still be on its way to its place: see ``afterwork``.

        Raises:
            LeaseLost: The trial is not ours any more; nothing was written since.
            StudyGone: The study was deleted.
        """
        self.transcript.skip()
        self._telling = claim
        courier = Courier(
            self.bench.store,
            claim,
            self.bench.spec.pruner,
            stall=self.bench.spec.stall_timeout,
            beat=lambda: self._beat_with_log(claim),
        )
        attempt = Attempt(self.bench, claim, courier)
        try:
            attempt.run()
        finally:
            if attempt.rest is None:
                courier.close()
            self._telling = None
            self._keep_log(claim)
        if attempt.rest is not None:
            self.afterwork.begin(attempt.rest, then=courier.close)
        if self.bench.spec.synchronous_reports:
            self.afterwork.settle()

    def _beat_with_log(self, claim: Claim) -> None:
        self.beat()
        if self._telling is claim:  # afterwards what is printed belongs to the next trial
            self._keep_log(claim)

    def _keep_log(self, claim: Claim) -> None:
        with suppress(StoreUnreachable):  # a log is not worth waiting for
            logs.append(self.bench.store, claim, self.transcript.take())
