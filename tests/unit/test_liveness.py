"""Signs of life of a process on this machine, with clocks that tests turn themselves."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tuner.workers import liveness
from tuner.workers.liveness import LONGEST_WORK, LifeSigns, processor_seconds


class Watched:
    """A process that does what a test says."""

    def __init__(self, file: Path) -> None:
        self.now, self.used, self.file = 1000.0, 5.0, file
        file.touch()
        self.signs = LifeSigns(0, file, clock=lambda: self.now, processor=lambda _: self.used)

    def live(self, seconds: float, *, work: float = 0.0, touch: bool = False) -> float:
        self.now += seconds
        self.used += work
        if touch:
            os.utime(self.file, (self.now, self.now))
        return self.signs.silent()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "output")


def test_who_does_nothing_is_silent_since_the_last_sign(watched: Watched):
    """Two looks without anything: the seconds add up."""
    assert watched.live(10) == 10
    assert watched.live(10) == 20


@pytest.mark.parametrize(("work", "touch"), [(0.0, True), (1.0, False)])
def test_one_sign_is_enough(watched: Watched, work: float, touch: bool):
    """A touched file, or a tenth of a core: either is life."""
    watched.live(50)
    assert watched.live(10, work=work, touch=touch) == 0
    assert watched.live(10) == 10


def test_what_idle_threads_use_is_no_sign(watched: Watched):
    """A thousandth of a core is no work."""
    assert watched.live(10, work=0.01) == 10


def test_work_alone_is_life_for_a_while_only(watched: Watched):
    """One long call of a library may hold up every thread; a loop that never ends is no life."""
    assert watched.live(LONGEST_WORK - 10, work=900) == 0
    assert watched.live(100, work=90) == 90
    assert watched.live(100, work=90) == 190


def test_processor_time_is_the_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The same as Python's own measure of this process; None of one that is not there."""
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    used = processor_seconds(os.getpid())
    assert used == pytest.approx(time.process_time(), abs=0.1)
    monkeypatch.setattr(liveness, "PROC", tmp_path)
    assert processor_seconds(os.getpid()) is None
