"""Exit codes of worker processes, as they announce them to their supervisor.

The user's code runs in the worker and may end it with any exit code. So a supervisor ignores the
process's own: it reads the one that our code has written into a file that both have open.
"""

from __future__ import annotations

import os
import signal
import tempfile
from typing import Any

from tuner.errors import exit_cause

URL_VARIABLE = "TUNER_STORAGE"  # not an argument: the process list shows arguments to everybody
DONE = 0
CRASHED = 1  # an error in this project
CANNOT_WORK = 2  # another attempt would fail in the same way
REPLACE = 3  # it holds too much memory: start a fresh one
HUNG = 4  # it ended itself because its trial hung
MUTILATED = 5  # the user's code took from it what it cannot work without
WAITING = "Waiting: "  # prefix of a line that says why the worker cannot reach the store
EXIT_SECONDS = 15  # that a worker may take to end after its announcement

# Signals that people and the kernel send: a trial is not blamed for them.
OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def open_file() -> Any:
    """An unnamed file for an exit code; the worker inherits its descriptor."""
    return tempfile.TemporaryFile(prefix="tuner-word-")


def announce(descriptor: int | None, code: int) -> None:
    """Announces an exit code, and sets an alarm: exit handlers of the user's code may hang.

    Args:
        descriptor: Of the file; None without a supervisor.
        code: One of this module.
    """
    if descriptor is None:
        return
    write(descriptor, code)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(EXIT_SECONDS)


def write(descriptor: int | None, code: int) -> None:
    """Announces an exit code without an alarm, from any thread."""
    if descriptor is not None:
        os.pwrite(descriptor, b"%d" % code, 0)  # no shared file position, no Python buffers


def read(file: Any) -> int | None:
    """The announced exit code of a worker; None if it ended without announcing one."""
    text = os.pread(file.fileno(), 16, 0)
    return int(text) if text else None


def death_cause(code: int) -> str | None:
    """What a process that announced nothing died of; None for a signal from outside.

    Args:
        code: As ``Popen.returncode``: negative for a signal.
    """
    if code == MUTILATED:
        return "code that closed files of its worker, or lowered a hard limit"
    return None if -code in OUTSIDE else exit_cause(code)
