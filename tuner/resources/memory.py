"""Memory as the kernel sees it: how much a process holds, and whom the kernel killed for it.

All answers are None where the system does not say (they are read from Linux's ``/proc`` and
control groups).
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
RECENT = 10.0  # seconds


def resident() -> int | None:
    """Bytes of memory that this process holds."""
    try:
        pages = int((PROC / "self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def total() -> int | None:
    """Bytes of memory that this machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def available() -> int | None:
    """Bytes that processes may still take before this machine, or our share of it, is full."""
    try:
        words = (PROC / "meminfo").read_text().split()
        free = 1024 * int(words[words.index("MemAvailable:") + 1])
    except (OSError, ValueError, IndexError):
        return None
    try:
        limit = int((_cgroup() / "memory.max").read_text())  # the word max: no limit
        used = int((_cgroup() / "memory.current").read_text())
        kinds = (_cgroup() / "memory.stat").read_text().split()
        cached = int(kinds[kinds.index("inactive_file") + 1])  # given back when asked for
    except (OSError, ValueError, IndexError):
        return free
    return min(free, limit - used + cached)


def kernel_kills() -> int | None:
    """How many processes around this one the kernel has killed because memory ran out.

    A process that was killed so and one that somebody sent ``kill -9`` both end with signal 9:
    only a rise of this counter tells them apart.
    """
    for file in (_cgroup() / "memory.events", PROC / "vmstat"):
        try:
            words = file.read_text().split()
            return int(words[words.index("oom_kill") + 1])
        except (OSError, ValueError):
            continue
    return None


class RecentKills:
    """The kernel's kills of the last seconds, each of which explains one death.

    The counter is not this program's alone: an older rise says nothing of a process that dies
    now, and a single one says nothing of two. A process of many gigabytes takes a while to die.
    """

    def __init__(self, count: Callable[[], int | None] = kernel_kills) -> None:
        self._count = count
        self._looks: deque[tuple[float, int]] = deque()
        self._explained = 0  # of the rise since the first look that is kept
        self.look(time.monotonic())

    def look(self, now: float) -> None:
        """To be called again and again, many times in ``RECENT`` seconds."""
        kills = self._count()
        if kills is None:
            return
        self._looks.append((now, kills))
        while len(self._looks) > 1 and self._looks[1][0] <= now - RECENT:
            _, before = self._looks.popleft()
            self._explained = max(0, self._explained - (self._looks[0][1] - before))

    def explain(self, now: float) -> bool:
        """Whether there is a kill for the death of a process, and nothing else took it."""
        self.look(now)
        if not self._looks or self._looks[-1][1] - self._looks[0][1] <= self._explained:
            return False
        self._explained += 1
        return True


def _cgroup() -> Path:
    """The control group of this process, version 2."""
    try:
        for line in (PROC / "self/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                return CGROUPS / line[3:].lstrip("/")
    except OSError:
        pass
    return CGROUPS
