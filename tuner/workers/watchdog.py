"""Ends this process if it does not exit when asked, such as when the user's code hangs.

A supervisor kills its workers after a while; the watchdog is for a worker whose supervisor was
killed, or that was asked to exit by somebody else.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

from tuner.workers.exit_codes import HUNG, write

GRACE = 30.0  # seconds between being asked to exit and being ended
LOOK_EVERY = 1.0  # seconds
PR_SET_PDEATHSIG = 1  # of Linux: the signal that a process gets when its parent dies
PARENT_DIED = 45  # one of the real-time signals, which nobody else uses; also seconds, see below
ON_PARENT_DIED = "alarm"  # of the C library

logger = logging.getLogger("tuner")


def end_hard(exit_code_fd: int | None = None) -> None:
    """Ends this process at once, without exit handlers or other threads.

    Args:
        exit_code_fd: Descriptor of the file that the supervisor reads the exit code from.
    """
    write(exit_code_fd, HUNG)
    os._exit(HUNG)


def end_as_orphan() -> None:
    """Lets Linux end this process ``PARENT_DIED`` seconds after its supervisor.

    A thread can do nothing while the user's code holds the interpreter's lock, as a regular
    expression or a call of C may for ever. So no Python is involved: the kernel sends a signal when
    the parent dies, and its handler is the C library's ``alarm``. That takes the signal's number
    for seconds, after which the kernel ends a process that is still there.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    handler = ctypes.cast(getattr(library, ON_PARENT_DIED), ctypes.c_void_p)
    library.signal.restype = ctypes.c_void_p
    library.signal(PARENT_DIED, handler)
    library.prctl(PR_SET_PDEATHSIG, PARENT_DIED, 0, 0, 0)


class Watchdog:
    """A thread that ends this process if it does not exit in time.

    Args:
        stopping: Set when the process is asked to exit; set here when its parent is gone.
        parent: Process id of the supervisor; None where there is none.
        grace: Seconds between being asked to exit and being ended.
        end: Ends the process.
    """

    def __init__(
        self,
        stopping: threading.Event,
        parent: int | None,
        *,
        grace: float = GRACE,
        end: Callable[[], None] = end_hard,
    ) -> None:
        self._stopping, self._parent, self._grace, self._end = stopping, parent, grace, end
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            # An orphan gets another parent at once; the process id alone may be used again.
            if self._parent is not None and os.getppid() != self._parent:
                logger.warning("the supervisor is gone: this worker ends")
                self._stopping.set()
        time.sleep(self._grace)  # a daemon thread: it ends with a process that exits in time
        logger.error("did not exit within %g s of being asked: the process is ended", self._grace)
        self._end()
