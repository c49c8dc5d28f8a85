"""A supervisor that does nothing but be the parent of one worker: to be killed."""

from __future__ import annotations

import os
import uuid

from tuner.workers import watchdog, worker
from tuner.workers.exit_codes import URL_VARIABLE

GRACE = 2.0  # seconds


def supervise(url: str, study: str, kernel: bool = False) -> None:
    """Start a worker, print its process id, and wait for its end.

    Args:
        kernel: Whether the kernel alone ends the worker, at once, not its watchdog.
    """
    parent, pid = os.getpid(), os.fork()
    if pid:
        print(pid, flush=True)  # noqa: T201
        os.waitpid(pid, 0)
        return
    watchdog.Watchdog.__init__.__kwdefaults__["grace"] = GRACE
    if kernel:
        watchdog.ON_PARENT_DIED = "_exit"  # in place of an alarm in 45 s
    os.environ[URL_VARIABLE] = url
    worker.main([study, "--id", str(uuid.uuid4()), "--parent", str(parent)])
