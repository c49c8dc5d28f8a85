"""A worker's heartbeat, in the store and on this machine, from a thread of its own.

A trial that ends before it renews its lease, a model that takes minutes to build, and a worker
that waits for others must not look dead.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

BEATS = 6  # in the duration of a lease

logger = logging.getLogger("tuner")


class Heartbeat:
    """Beats for as long as a ``with`` block lasts.

    Args:
        beat: Writes a heartbeat to the store.
        file: Touched at each beat, also while the store is away; see ``liveness``.
        lease_seconds: Duration of the study's leases.
    """

    def __init__(
        self, beat: Callable[[], None], *, file: Path | None, lease_seconds: float
    ) -> None:
        self._beat, self._file, self._every = beat, file, lease_seconds / BEATS
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        reached = True
        while not self._ended.wait(self._every):
            if self._file is not None:
                with suppress(OSError):
                    os.utime(self._file)
            try:
                self._beat()
                reached = True
            except Exception as e:  # the next heartbeat makes up for it
                if reached:
                    logger.info("no heartbeat was written to the store: %s", e)
                reached = False
