"""One trial's traffic with the store, on a thread beside training.

Reports go out in order; the lease is renewed between them; orders come back. Training never
waits for a store that is away: reports are kept until it answers again. A store that stays away
for longer than the lease means that the trial is not ours any more.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from storage import leases, reports
from storage.engine import Store
from storage.errors import LeaseLost, StoreUnreachable, StudyGone
from storage.leases import Claim, Order
from storage.pruning import PruningRule

RENEWALS = 6  # in the time of a lease
RETRY_PAUSE = 0.5  # seconds between two attempts to reach a store that is away

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Report:
    """What one epoch brought; see ``storage.reports.report``."""

    epoch: int
    value: float
    metrics: Mapping[str, float]
    cumulative: bool = False


class Courier:
    """Carries reports and renewals for one claim.

    Args:
        rule: The study's pruning rule.
        stall: Seconds without a sign of progress after which training counts as hung; its lease
            is left to run out.
        beat: Called after each renewal, to say that the worker is alive.

    Attributes:
        prune: The store said that this trial is hopeless.
        order: What the last renewal brought back.
        lost: Why the trial is not ours any more; None while it is.
        away: The store did not answer the last time.
    """

    def __init__(
        self,
        store: Store,
        claim: Claim,
        rule: PruningRule,
        *,
        stall: float,
        beat: Callable[[], None],
    ) -> None:
        self.prune = False
        self.order = Order.CONTINUE
        self.lost: str | None = None
        self.away = False
        self._store, self._claim, self._rule, self._beat = store, claim, rule, beat
        self._stall, self._progress = stall, time.monotonic()
        self._held_until = time.monotonic() + claim.study.lease_seconds
        self._renew_every = claim.study.lease_seconds / RENEWALS
        self._queue: deque[Report] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._carry, name="courier", daemon=True)
        self._thread.start()

    def progress(self) -> None:
        """Training is getting on; to be called at least once a minute or so."""
        self._progress = time.monotonic()

    def report(self, report: Report) -> None:
        """Hands over an epoch's values; returns at once."""
        with self._changed:
            self._queue.append(report)
            self._changed.notify_all()

    def settle(self, *, unanswered: int = 0) -> None:
        """Waits until at most so many reports are unanswered.

        Returns early when the trial is lost, and does not wait for a store that is away unless
        every answer is asked for.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    len(self._queue) <= unanswered
                    or self.lost is not None
                    or (self.away and unanswered > 0)
                )
            )

    def persist(self, write: Callable[[], Answer]) -> Answer:
        """Calls ``write`` until the store answers or the lease has run out.

        Raises:
            LeaseLost: The trial is not ours any more.
        """
        while True:
            if self.lost is not None:
                raise LeaseLost(self.lost)
            try:
                return write()
            except StoreUnreachable as e:
                if time.monotonic() > self._held_until:
                    raise LeaseLost(f"The store was away for longer than the lease: {e}") from e
                time.sleep(RETRY_PAUSE)

    def close(self) -> None:
        """Stops renewing. Reports that are unanswered are dropped: settle first."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _carry(self) -> None:
        renewed = time.monotonic()
        while True:
            pause = RETRY_PAUSE if self.away else renewed + self._renew_every - time.monotonic()
            if not self._wait(pause):
                return
            asked = time.monotonic()
            if asked > self._progress + self._stall:
                self._lose(f"training showed no sign of progress for {self._stall:g} s")
                return
            try:
                if self._queue:
                    self._send(self._queue[0])
                if asked >= renewed + self._renew_every:
                    self.order = leases.renew(self._store, self._claim)
                    renewed = asked
                    self._beat()
                self._reached(asked)
            except StoreUnreachable as e:
                self._unreached(str(e))
            except (LeaseLost, StudyGone) as e:
                self._lose(str(e))
            except Exception as e:  # a thread that dies in silence would hold up its trial
                self._lose(f"{type(e).__name__}: {e}")

    def _wait(self, pause: float) -> bool:
        """Waits for a report or for ``pause`` seconds; False when there is no more to do."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or (bool(self._queue) and not self.away),
                timeout=max(0.0, pause),
            )
            return not self._closed and self.lost is None

    def _send(self, report: Report) -> None:
        prune = reports.report(
            self._store,
            self._claim,
            epoch=report.epoch,
            value=report.value,
            metrics=report.metrics,
            rule=self._rule,
            cumulative=report.cumulative,
        )
        with self._changed:
            self.prune = self.prune or prune
            self._queue.popleft()
            self._changed.notify_all()

    def _reached(self, asked: float) -> None:
        self._held_until = asked + self._claim.study.lease_seconds
        with self._changed:
            self.away = False
            self._changed.notify_all()

    def _unreached(self, reason: str) -> None:
        if time.monotonic() > self._held_until:
            self._lose(f"the store was away for longer than the lease: {reason}")
            return
        with self._changed:
            self.away = True
            self._changed.notify_all()

    def _lose(self, reason: str) -> None:
        with self._changed:
            self.lost = reason
            self._changed.notify_all()
