"""Wait for what must become true, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 600.0  # seconds; a busy machine is no failure, and what hangs is found all the same
INTERVAL = 0.05  # seconds


def poll(
    condition: Callable[[], T],
    timeout: float = PATIENCE,
    *,
    interval: float = INTERVAL,
    waiting_for: str = "",
) -> T:
    """Call ``condition`` until it returns something true, and return that.

    Args:
        condition: asked again and again; it should be cheap and have no side effects.
        timeout: seconds after which to give up.
        interval: seconds between two calls.
        waiting_for: completes "timed out waiting for ..." in the error.

    Raises:
        AssertionError: the condition stayed false; the message shows its last value.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            wanted = waiting_for or getattr(condition, "__name__", "the condition")
            raise AssertionError(
                f"Timed out after {timeout:g} s waiting for {wanted}. Received: {value!r}"
            )
        time.sleep(interval)
    return value
