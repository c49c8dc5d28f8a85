"""Signals that ask a command to stop, and what it then exits with."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Notes the first signal inside a ``with`` block instead of ending the process.

    Signals come to the main thread: in another one nothing is changed.

    Args:
        again: Called at every further signal.

    Attributes:
        received: The first signal; None while there is none.
    """

    def __init__(self, again: Callable[[], None]) -> None:
        self.received: signal.Signals | None = None
        self._again = again
        self._noted = threading.Event()

    def __enter__(self) -> Interrupts:
        here = threading.current_thread() is threading.main_thread()
        self._before = {
            number: signal.signal(number, self._note) for number in (SIGNALS if here else ())
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """As shells count it: 130 after Ctrl-C, 143 after a request to terminate."""
        return 128 + (self.received or 0)

    def wait(self, seconds: float) -> None:
        """Sleeps, until a signal comes."""
        self._noted.wait(seconds)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            self._again()
            return
        self.received = signal.Signals(number)
        self._noted.set()
