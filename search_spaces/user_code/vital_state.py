"""Notices that users' code took from this process what it cannot do without.

A descriptor that was closed cannot be opened again: the next file gets its number, and whoever
still writes to it writes into that file. So a process whose descriptors are gone has to end, before
it writes anything. Limits of resources are raised again where that is allowed.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable
from contextlib import suppress

STANDARD = (1, 2)  # output and errors: closed ones can be opened again, from copies
LIMITS = tuple(
    sorted(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
)

Limits = dict[int, tuple[int, int]]


def limits() -> Limits:
    """Returns the soft and hard limit of each resource."""
    return {kind: resource.getrlimit(kind) for kind in LIMITS}


def set_limits(before: Limits) -> None:
    """Sets limits, as far as the hard ones allow it."""
    for kind, (soft, hard) in before.items():
        now = resource.getrlimit(kind)
        if now == (soft, hard):
            continue
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError):  # only root raises a hard limit
            with suppress(OSError, ValueError):
                resource.setrlimit(kind, (_lower(soft, now[1]), now[1]))


def _lower(one: int, other: int) -> int:
    both = [limit for limit in (one, other) if limit != resource.RLIM_INFINITY]
    return min(both, default=resource.RLIM_INFINITY)


class VitalState:
    """What this process must have to go on, as it is now.

    Args:
        descriptors: Numbers of open ones.
        end: Called with what is missing; ends the process.
    """

    def __init__(self, descriptors: Iterable[int], end: Callable[[str], object]) -> None:
        self._end = end
        self._copies = {number: os.dup(number) for number in STANDARD}
        numbers = [*descriptors, *self._copies.values()]
        self._identities = {number: _identity(number) for number in numbers}
        self._limits = limits()

    def check(self) -> None:
        """Restores limits and standard streams; ends the process where something is gone."""
        set_limits(self._limits)
        numbers = [n for n, before in self._identities.items() if _identity(n) != before]
        if numbers:
            self._end(f"closed files of this process (descriptors {sorted(numbers)})")
            return
        for number, copy in self._copies.items():
            if _identity(number) != _identity(copy):
                os.dup2(copy, number)
        lowered = [kind for kind, (soft, _) in self._limits.items() if limits()[kind][0] != soft]
        if lowered:
            self._end("lowered a hard limit of this process, which cannot be raised again")


def _identity(number: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino


_watched: list[VitalState] = []


def watch(descriptors: Iterable[int], end: Callable[[str], object]) -> None:
    """From now on, users' code that takes away what this process needs ends it: `VitalState`."""
    _watched[:] = [VitalState(descriptors, end)]


def check() -> None:
    """Checks what is watched, if anything; to be called after users' code and within it."""
    for state in _watched:
        state.check()
