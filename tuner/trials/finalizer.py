"""Saves a trial's model and ends the trial, during the training of the next one.

Writing a model takes time, on slow or remote storage a lot. The lease is held until the trial has
ended, so that another worker takes over the trial if this one dies in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from storage.errors import LeaseLost

logger = logging.getLogger(__name__)


class Finalizer:
    """A thread that finalizes one trial at a time."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="finalizer")
        self._future: Future[None] | None = None

    def begin(self, work: Callable[[], None], *, then: Callable[[], None]) -> None:
        """Waits for the trial before, then starts to finalize another one.

        Args:
            work: Saves the model and ends the trial.
            then: Called afterwards in any case.

        Raises:
            StudyGone: See ``wait``.
        """
        try:
            self.wait()
        except BaseException:
            then()
            raise
        self._future = self._thread.submit(_unless_lost, work, then)

    def wait(self) -> bool:
        """Waits until the last trial is finalized.

        Returns:
            Whether one was being finalized.

        Raises:
            StudyGone: The study was deleted.
        """
        future, self._future = self._future, None
        if future is None:
            return False
        future.result()
        return True


def _unless_lost(work: Callable[[], None], then: Callable[[], None]) -> None:
    try:
        work()
    except LeaseLost as e:
        logger.warning("this worker lost a trial before it was finalized: %s", e)
    finally:
        then()
