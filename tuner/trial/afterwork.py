"""What is left of a trial when its training is over, done beside the training of the next one.

A model takes time to write, and on a slow or remote place a long time. Until it is written and
the trial's end is told the lease is still held: whoever dies in between leaves a trial that
another worker ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from storage.errors import LeaseLost

logger = logging.getLogger(__name__)


class Afterwork:
    """A thread for one trial's end at a time."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="afterwork")
        self._work: Future[None] | None = None

    def begin(self, work: Callable[[], None], *, then: Callable[[], None]) -> None:
        """Begins with the end of a trial, as soon as the one before is done.

        Args:
            then: Called afterwards, whatever happened.

        Raises:
            StudyGone: See ``settle``.
        """
        try:
            self.settle()
        except BaseException:
            then()
            raise
        self._work = self._thread.submit(_unless_lost, work, then)

    def settle(self) -> bool:
        """Waits until nothing is left to do.

        Returns:
            Whether there was anything.

        Raises:
            StudyGone: The study was deleted.
        """
        work, self._work = self._work, None
        if work is None:
            return False
        work.result()
        return True


def _unless_lost(work: Callable[[], None], then: Callable[[], None]) -> None:
    try:
        work()
    except LeaseLost as e:
        logger.warning("a trial that was about to end is not ours any more: %s", e)
    finally:
        then()
