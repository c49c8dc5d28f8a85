"""Exchanges reports, lease renewals and commands of one trial with the store, on its own thread.

Reports are sent in order; the lease is renewed between them; renewals return commands. Training
does not wait for an unreachable store: reports are queued until it answers. If it cannot be
reached for longer than the lease, the trial is lost to this worker.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from storage import leases, reports
from storage.database.engine import Store
from storage.errors import LeaseLost, StoreError, StoreUnreachable, StudyGone
from storage.leases import Claim, WorkerCommand
from storage.pruning import PruningRule

RENEWALS = 6  # in the duration of a lease
RETRY_PAUSE = 0.5  # seconds between two attempts to reach the store
WORKING = 0.05  # of a core; above it the process is busy, such as building a large model
BUSY_STALLS = 6  # times the limit of an idle trial, for one that keeps the processor busy

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Report:
    """Values of one epoch; see ``storage.reports.write_report``."""

    epoch: int
    value: float
    metrics: Mapping[str, float]
    cumulative: bool = False
    step: int | None = None


class Reporter:
    """Sends reports and renewals of one claim.

    Args:
        store: Of the study.
        claim: Of the trial.
        rule: The study's pruning rule.
        stall: Seconds without progress after which a trial counts as hung and its lease is not
            renewed any more; ``BUSY_STALLS`` times as long while it keeps the processor busy.
        may_be_silent: Whether a trial that keeps the processor busy never counts as hung.
        beat: Called after each renewal.
        hung: Called when a hung trial, lost or not, has not ended after another lease.

    Attributes:
        rule: The study's pruning rule.
        prune: Whether it has rejected the trial.
        command: What the last renewal returned.
        lost: Why this worker has lost the trial; None while it has it.
        away: Whether the store could not be reached at the last attempt.
    """

    def __init__(
        self,
        store: Store,
        claim: Claim,
        rule: PruningRule,
        *,
        stall: float,
        may_be_silent: bool = False,
        beat: Callable[[], None],
        hung: Callable[[], None] = lambda: None,
    ) -> None:
        self.prune = False
        self.command = WorkerCommand.CONTINUE
        self.lost: str | None = None
        self.away = False
        self.rule = rule
        self._store, self._claim, self._beat = store, claim, beat
        self._hung, self._stall = hung, stall
        self._busy_stalls = math.inf if may_be_silent else BUSY_STALLS
        self._progressed_at = self._worked_at = self._looked_at = time.monotonic()
        self._processor_seconds = time.process_time()
        self._lease_ends = time.monotonic() + claim.study.lease_seconds
        self._renew_every = claim.study.lease_seconds / RENEWALS
        self._queue: deque[Report] = deque()
        self._condition = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._thread.start()

    def progress(self) -> None:
        """Notes that training makes progress; to be called about once a minute."""
        self._progressed_at = time.monotonic()

    def may_rest_after(self, epoch: int) -> bool:
        """Whether the trial rests after this epoch if the pruning rule rejects it."""
        return self.rule.most_resting > 0 and self.rule.is_rung(epoch, self._claim.number)

    def report(self, report: Report) -> None:
        """Queues an epoch's values; returns at once."""
        with self._condition:
            self._queue.append(report)
            self._condition.notify_all()

    def flush(self, *, unanswered: int = 0, patient: bool = True) -> None:
        """Waits until the queue of reports is sent.

        Returns early when the trial is lost, or, unless ``unanswered`` is 0, when the store cannot
        be reached.

        Args:
            unanswered: Number of reports that may remain in the queue.
            patient: Whether to wait for a store that cannot be reached, with ``unanswered`` 0.
        """
        with self._condition:
            self._condition.wait_for(
                lambda: (
                    len(self._queue) <= unanswered
                    or self.lost is not None
                    or (self.away and (unanswered > 0 or not patient))
                )
            )

    def wait_until_reported(self) -> None:
        """Waits until the queue of reports is sent.

        Raises:
            LeaseLost: They will not be: the trial is lost, or this reporter was closed.
        """
        with self._condition:
            self._condition.wait_for(
                lambda: not self._queue or self.lost is not None or self._closed
            )
            if self._queue:
                raise LeaseLost(self.lost or "The last epochs were not reported.")

    def persist(self, write: Callable[[], Answer]) -> Answer:
        """Calls ``write`` until the store can be reached or the lease has expired.

        Returns:
            What ``write`` returned.

        Raises:
            LeaseLost: This worker has lost the trial.
        """
        while True:
            if self.lost is not None:
                raise LeaseLost(self.lost)
            try:
                return write()
            except StoreUnreachable as e:
                if time.monotonic() > self._lease_ends:
                    raise LeaseLost(
                        f"The store could not be reached for longer than the lease: {e}"
                    ) from e
                time.sleep(RETRY_PAUSE)

    def hang(self) -> None:
        """Ends this process: the trial does not end when it should."""
        self._hung()

    def close(self) -> None:
        """Stops renewing. Reports in the queue are dropped: call ``flush`` first."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._thread.join()

    def _run(self) -> None:
        self._exchange()
        if self.lost is not None:
            self._watch_lost()

    def _exchange(self) -> None:
        """Sends reports and renews the lease until this reporter is closed or the trial is lost."""
        renewed_at = time.monotonic()
        while True:
            pause = RETRY_PAUSE if self.away else renewed_at + self._renew_every - time.monotonic()
            if not self._wait(pause):
                return
            now = time.monotonic()
            if self._has_stalled(now):
                self._lose(f"training made no progress for {self._stall:g} s")
                return
            try:
                if self._queue:
                    self._send(self._queue[0])
                if now >= renewed_at + self._renew_every:
                    self.command = leases.renew(self._store, self._claim)
                    renewed_at = now
                    self._beat()
                self._mark_reached(now)
            except StoreUnreachable as e:
                self._mark_unreachable(str(e))
            except (LeaseLost, StudyGone, StoreError) as e:
                self._lose(str(e))
            except Exception as e:  # without this thread ``flush`` would wait for ever
                self._lose(f"{type(e).__name__}: {e}")

    def _watch_lost(self) -> None:
        """Ends this process if code that hangs never learns that its trial is lost.

        The heartbeat goes on meanwhile, so that nobody else would notice.
        """
        while not self._has_stalled(time.monotonic()):
            if self._wait_for_end(self._renew_every):
                return
        if not self._wait_for_end(self._claim.study.lease_seconds):
            self._hung()

    def _has_stalled(self, now: float) -> bool:
        """Whether training hangs; building a model is no progress but keeps the processor busy."""
        processor = time.process_time()
        if processor - self._processor_seconds > WORKING * (now - self._looked_at):
            self._worked_at = now
        self._processor_seconds, self._looked_at = processor, now
        silent, idle = now - self._progressed_at, now - self._worked_at
        return silent > self._busy_stalls * self._stall or min(silent, idle) > self._stall

    def _wait_for_end(self, seconds: float) -> bool:
        """Waits until the trial has ended here; False if it has not after ``seconds``."""
        with self._condition:
            return self._condition.wait_for(lambda: self._closed, timeout=seconds)

    def _wait(self, pause: float) -> bool:
        """Waits for a report or for ``pause`` seconds; False once closed or lost."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._closed or (bool(self._queue) and not self.away),
                timeout=max(0.0, pause),
            )
            return not self._closed and self.lost is None

    def _send(self, report: Report) -> None:
        prune = reports.write_report(
            self._store,
            self._claim,
            epoch=report.epoch,
            value=report.value,
            metrics=report.metrics,
            rule=self.rule,
            cumulative=report.cumulative,
            step=report.step,
        )
        with self._condition:
            self.prune = self.prune or prune
            self._queue.popleft()
            self._condition.notify_all()

    def _mark_reached(self, now: float) -> None:
        # Counted from before the request: the database cannot have begun the lease earlier.
        self._lease_ends = now + self._claim.study.lease_seconds
        if self.away:
            logger.info("the store is back")
        with self._condition:
            self.away = False
            self._condition.notify_all()

    def _mark_unreachable(self, reason: str) -> None:
        if time.monotonic() > self._lease_ends:
            self._lose(f"the store could not be reached for longer than the lease: {reason}")
            return
        if not self.away:
            logger.info("the store is away: %s", reason)
        with self._condition:
            self.away = True
            self._condition.notify_all()

    def _lose(self, reason: str) -> None:
        with self._condition:
            self.lost = reason
            self._condition.notify_all()
