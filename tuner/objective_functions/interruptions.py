"""How a trial is stopped whose training is not ours: at its next report, or with its process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum

from storage.leases import WorkerCommand
from tuner.trials.reporter import Reporter

GRACE = 10.0  # seconds in which code must report once it is to stop; below those of a supervisor
LOOK_EVERY = 0.25  # seconds

logger = logging.getLogger(__name__)


class Reason(Enum):
    """Why a trial has to stop now."""

    LOST = "this worker has lost the trial"
    GIVE_BACK = "the trial is given back, to be resumed later"
    TIMEOUT = "the time limit was reached"
    END = "the trial was ended"


class TrialInterrupted(BaseException):
    """The trial has to stop now. Code that tidies up lets it pass, as it does `KeyboardInterrupt`.

    Not an ``Exception``: ``except Exception`` around a training step shall not swallow it.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Interruptions:
    """Whether a trial has to stop, as its store, its worker and its time limit say.

    Args:
        reporter: Of the trial.
        stopping: Set when this worker is asked to exit.
        seconds: That the trial may still take; None for no limit.

    Attributes:
        ends_study: Whether the trial itself has ended its study: it goes on to its own end.
    """

    def __init__(
        self, reporter: Reporter, stopping: threading.Event, seconds: float | None = None
    ) -> None:
        self._reporter, self._stopping = reporter, stopping
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self.ends_study = False

    def reason(self) -> Reason | None:
        """Why the trial has to stop now; None if it may go on."""
        if self._reporter.lost is not None:
            return Reason.LOST
        command = self._reporter.command
        if self._stopping.is_set() or command is WorkerCommand.GIVE_BACK:
            return Reason.GIVE_BACK
        if self._deadline is not None and time.monotonic() > self._deadline:
            return Reason.TIMEOUT
        return Reason.END if command is WorkerCommand.END and not self.ends_study else None

    def check(self) -> None:
        """Notes that the code makes progress, and stops it where it has to stop.

        Raises:
            TrialInterrupted: It has to.
        """
        self._reporter.progress()
        if (reason := self.reason()) is not None:
            raise TrialInterrupted(reason)


class SilentTrialGuard:
    """Ends this process where code goes on for ``grace`` seconds after it was to stop.

    Args:
        interruptions: Of the trial.
        abandon: Called before, on a thread of its own, with why: writes how the trial ended.
        end_process: Ends this process.
        grace: Seconds.
    """

    def __init__(
        self,
        interruptions: Interruptions,
        *,
        abandon: Callable[[Reason], None],
        end_process: Callable[[], None],
        grace: float = GRACE,
    ) -> None:
        self._interruptions, self._grace = interruptions, grace
        self._abandon, self._end_process = abandon, end_process
        self._ended = threading.Event()
        self._ending = threading.Lock()  # by the code's own end, or from here
        self._thread = threading.Thread(target=self._watch, name="trial guard", daemon=True)

    def __enter__(self) -> SilentTrialGuard:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._ending:  # waits for the process's end where the thread was first
            self._ended.set()

    def _watch(self) -> None:
        since: float | None = None
        while not self._ended.wait(LOOK_EVERY):
            reason = self._interruptions.reason()
            if reason is None:
                since = None
                continue
            since = since or time.monotonic()
            if time.monotonic() - since > self._grace:
                self._end(reason)

    def _end(self, reason: Reason) -> None:
        with self._ending:
            if self._ended.is_set():
                return
            logger.warning(
                "%s, and its code reported nothing for %g s: this process ends",
                reason.value,
                self._grace,
            )
            try:
                self._abandon(reason)
            finally:
                self._end_process()
