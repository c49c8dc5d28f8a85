"""Connects the training loop with a trial's reporter and checkpoints, epoch by epoch."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from storage.leases import WorkerCommand
from tuner.training.directive import Directive
from tuner.trials.checkpoints import Checkpointer
from tuner.trials.reporter import Report, Reporter

if TYPE_CHECKING:
    from tuner.training.training_state import TrainingState

LONG_EPOCH = 2.0  # seconds; longer ones are not waited for when the trial is to be given back
LONGEST_WAIT = 6.0  # seconds; for an epoch that takes longer than the ones before


class EpochObserver:
    """Reports epochs, makes checkpoints, and tells the training loop when to stop.

    A trial that is given back, or rests, has a checkpoint of its last finished epoch. To give one
    back, short epochs are finished first; after long ones the state is kept in memory, so that
    nobody waits for the next.

    Args:
        reporter: Of the trial.
        checkpointer: Of the trial.
        stopping: Set when this worker is asked to exit.
        objective: Name of the metric that trials are compared by.
        timeout: Limit of training in seconds, over all attempts; None for no limit.
        spent: Seconds that earlier attempts took.
        synchronous: Wait for the answer to each report.

    Attributes:
        timed_out: Whether the trial was ended by its timeout.
        state: The state to resume from when the trial is given back or rests.
    """

    def __init__(
        self,
        reporter: Reporter,
        checkpointer: Checkpointer,
        *,
        stopping: threading.Event,
        objective: str,
        timeout: float | None = None,
        spent: float = 0.0,
        synchronous: bool = False,
    ) -> None:
        self._reporter, self._checkpointer = reporter, checkpointer
        self._stopping, self._synchronous = stopping, synchronous
        self._objective = objective
        self._deadline = None if timeout is None else time.monotonic() + timeout - spent
        self._epoch_began = time.monotonic()
        self._epoch_seconds = 0.0
        self._epoch: int | None = None  # the last one that was finished here
        self.timed_out = False
        self.state: TrainingState | None = None

    def epoch_end(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        """Reports an epoch and returns what to do next; see ``training.directive.Observer``."""
        self._reporter.report(Report(epoch, metrics[self._objective], dict(metrics)))
        if self._reporter.may_rest_after(epoch):
            self._reporter.flush(patient=self._synchronous)  # else it trains an epoch too many
        else:
            self._reporter.flush(unanswered=0 if self._synchronous else 1)
        return self.inner_epoch_end(epoch, metrics, snapshot)

    def inner_epoch_end(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        """What to do after an epoch that is not reported; see ``RoundObserver``."""
        self._reporter.progress()
        self._epoch = epoch
        now = time.monotonic()
        self._epoch_seconds, self._epoch_began = now - self._epoch_began, now
        directive = self._directive()
        if all(math.isfinite(metrics[name]) for name in ("loss", self._objective)):
            self._keep(directive, snapshot)  # a trial that diverged is not resumed
        return directive

    def round_end(self, number: int, value: float, metrics: Mapping[str, float]) -> Directive:
        """Reports the means of the rounds so far; see ``cross_validation.RoundObserver``."""
        self._reporter.report(Report(number, value, dict(metrics), cumulative=True))
        self._reporter.flush()
        return self._directive()

    def poll(self) -> Directive:
        """What to do in the middle of an epoch: neither prune nor rest; finish short epochs."""
        self._reporter.progress()
        directive = self._directive()
        if directive is Directive.INTERRUPT and self._reporter.lost is None:
            elapsed = time.monotonic() - self._epoch_began
            wait = LONG_EPOCH if self._is_state_kept() else LONGEST_WAIT
            if max(self._epoch_seconds, elapsed) < wait:
                return Directive.CONTINUE
        is_rejected = directive in (Directive.PRUNE, Directive.REST)
        return Directive.CONTINUE if is_rejected else directive

    def _is_state_kept(self) -> bool:
        """Whether the state of the last finished epoch is kept, so that nothing would be lost."""
        return self._epoch is None or (self.state is not None and self.state.epoch == self._epoch)

    def _keep(self, directive: Directive, snapshot: Callable[[], TrainingState]) -> None:
        if self._reporter.lost is not None:
            return
        due = self._checkpointer.due()
        to_be_resumed = directive in (Directive.INTERRUPT, Directive.REST)
        if due or to_be_resumed or self._epoch_seconds >= LONG_EPOCH:
            self.state = snapshot()
        if due and directive is Directive.CONTINUE and self.state is not None:
            self._checkpointer.offer(self.state)

    def _directive(self) -> Directive:
        reporter = self._reporter
        if reporter.lost is not None or self._stopping.is_set():
            return Directive.INTERRUPT
        if reporter.command is WorkerCommand.GIVE_BACK:
            return Directive.INTERRUPT
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.timed_out = True
            return Directive.END
        if reporter.command is WorkerCommand.END:
            return Directive.END
        if not reporter.prune:
            return Directive.CONTINUE
        return Directive.REST if reporter.rule.most_resting else Directive.PRUNE
