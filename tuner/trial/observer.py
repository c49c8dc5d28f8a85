"""What stands between a training loop and the rest of a worker, epoch by epoch."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from storage.leases import Order
from tuner.training.observing import Directive
from tuner.trial.checkpoints import Checkpointer
from tuner.trial.courier import Courier, Report

if TYPE_CHECKING:
    from tuner.training.state import TrainingState

LONG_EPOCH = 2.0  # seconds; longer ones are not waited for when the trial is to be given back
LONGEST_WAIT = 6.0  # seconds; for an epoch that takes longer than the ones before


class TrialObserver:
    """Reports epochs, takes checkpoints, and tells the training loop when to stop.

    When a trial is to be given back its last finished epoch goes into a checkpoint. Short
    epochs are finished first; of long ones the state is held at hand.

    Args:
        stopping: Set when this worker is asked to exit.
        objective: Which of an epoch's metrics trials are compared by.
        timeout: Seconds of training that the trial may take, over all attempts.
        spent: Seconds of it that earlier attempts took.
        synchronous: Wait for the answer to each report.

    Attributes:
        timed_out: Whether the trial was ended by its timeout.
        state: The state to go on from when the trial is given back.
    """

    def __init__(
        self,
        courier: Courier,
        checkpointer: Checkpointer,
        *,
        stopping: threading.Event,
        objective: str,
        timeout: float | None = None,
        spent: float = 0.0,
        synchronous: bool = False,
    ) -> None:
        self._courier, self._checkpointer = courier, checkpointer
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
        """Reports an epoch; what to do next. See ``training.observing.Observer``."""
        self._courier.report(Report(epoch, metrics[self._objective], dict(metrics)))
        self._courier.settle(unanswered=0 if self._synchronous else 1)
        return self.passed(epoch, metrics, snapshot)

    def passed(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        """An epoch is finished that is not reported by itself; what to do next."""
        self._courier.progress()
        self._epoch = epoch
        now = time.monotonic()
        self._epoch_seconds, self._epoch_began = now - self._epoch_began, now
        directive = self._directive()
        if all(math.isfinite(metrics[name]) for name in ("loss", self._objective)):
            self._keep(directive, snapshot)  # there is no going on from what diverged
        return directive

    def round_end(self, number: int, value: float, metrics: Mapping[str, float]) -> Directive:
        """Reports what the rounds so far came to; see ``tuner.rounds.RoundObserver``."""
        self._courier.report(Report(number, value, dict(metrics), cumulative=True))
        self._courier.settle()
        return self._directive()

    def poll(self) -> Directive:
        """What to do in the middle of an epoch."""
        self._courier.progress()
        directive = self._directive()
        if directive is Directive.INTERRUPT and self._courier.lost is None:
            begun = time.monotonic() - self._epoch_began
            wait = LONG_EPOCH if self._at_hand() else LONGEST_WAIT
            if max(self._epoch_seconds, begun) < wait:
                return Directive.CONTINUE
        return directive if directive is not Directive.PRUNE else Directive.CONTINUE

    def _at_hand(self) -> bool:
        """Whether nothing of what is finished would be lost now."""
        return self._epoch is None or (self.state is not None and self.state.epoch == self._epoch)

    def _keep(self, directive: Directive, snapshot: Callable[[], TrainingState]) -> None:
        if self._courier.lost is not None:
            return
        due = self._checkpointer.due()
        if due or directive is Directive.INTERRUPT or self._epoch_seconds >= LONG_EPOCH:
            self.state = snapshot()
        if due and directive is Directive.CONTINUE and self.state is not None:
            self._checkpointer.offer(self.state)

    def _directive(self) -> Directive:
        courier = self._courier
        if courier.lost is not None or self._stopping.is_set():
            return Directive.INTERRUPT
        if courier.order is Order.GIVE_BACK:
            return Directive.INTERRUPT
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.timed_out = True
            return Directive.END
        if courier.order is Order.END:
            return Directive.END
        return Directive.PRUNE if courier.prune else Directive.CONTINUE
