"""A process that was asked to exit and does not is ended."""

from __future__ import annotations

import os
import threading
import time

import pytest

from tests.support.polling import PATIENCE
from tuner.workers import watchdog
from tuner.workers.watchdog import Watchdog


class Moment(threading.Event):
    """An event that knows when it was set."""

    def set(self) -> None:
        self.at = time.monotonic()
        super().set()


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_EVERY", 0.02)


@pytest.mark.parametrize("parent", [os.getppid(), None])
def test_who_has_a_parent_is_left_alone(parent: int | None):
    """Nothing happens until somebody asks; then the grace runs."""
    stopping, ended = threading.Event(), threading.Event()
    Watchdog(stopping, parent, grace=0.05, end=ended.set)
    assert not ended.wait(0.3)
    assert not stopping.is_set()
    stopping.set()
    assert ended.wait(PATIENCE)


def test_an_orphan_is_asked_to_exit_and_then_ended():
    """The parent that it was told of is not its parent any more."""
    stopping, ended = Moment(), Moment()
    Watchdog(stopping, os.getpid(), grace=0.3, end=ended.set)
    assert ended.wait(PATIENCE)
    assert ended.at - stopping.at >= 0.3, "it gets its grace"
