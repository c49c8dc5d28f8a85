"""Signs of life of a process on this machine: they need no store."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
WORKING = 0.01  # of a core; less is an idle process
LONGEST_WORK = 3600.0  # seconds for which processor time alone counts as a sign of life


def processor_seconds(pid: int) -> float | None:
    """Processor time that a process has used, in seconds; None without ``/proc``."""
    try:
        # The second field, the name in parentheses, may hold spaces: count from behind it.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


class LifeSigns:
    """Signs of life of a process: it writes to or touches a file, and it uses the processor.

    Args:
        pid: Of the process.
        file: That it touches at each heartbeat.
        clock: Monotonic seconds.
        processor: Seconds of processor time of a process.
    """

    def __init__(
        self,
        pid: int,
        file: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[int], float | None] = processor_seconds,
    ) -> None:
        self._pid, self._file = pid, file
        self._clock, self._processor = clock, processor
        self._looked_at = self._touched_at = self._worked_at = clock()
        self._modified, self._used = self._modified_at(), processor(pid)

    def silent(self) -> float:
        """Checks again; seconds since the last sign of life.

        Processor time alone counts, as in one long call of a library, but not for ever: the
        process may be in an endless loop.
        """
        now, modified, used = self._clock(), self._modified_at(), self._processor(self._pid)
        if modified != self._modified:
            self._touched_at = now
        if used is not None and used - (self._used or 0.0) > WORKING * (now - self._looked_at):
            self._worked_at = min(now, self._touched_at + LONGEST_WORK)
        self._looked_at, self._modified, self._used = now, modified, used
        return now - max(self._touched_at, self._worked_at)

    def _modified_at(self) -> float | None:
        try:
            return self._file.stat().st_mtime
        except OSError:
            return None
