"""Whom the kernel killed, and when."""

from __future__ import annotations

import pytest

from tuner.resources.memory import RECENT, RecentKills


class Counter:
    """The kernel's counter."""

    def __init__(self) -> None:
        self.kills: int | None = 40

    def __call__(self) -> int | None:
        return self.kills


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def recent(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> RecentKills:
    """Begun at time 0."""
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    return RecentKills(counter)


def test_a_kill_explains_one_death(counter: Counter, recent: RecentKills):
    """Two kills explain two."""
    assert not recent.explain(1.0)
    counter.kills = 41
    assert recent.explain(2.0)
    assert not recent.explain(2.1)
    counter.kills = 43
    assert [recent.explain(3.0) for _ in range(3)] == [True, True, False]


def test_an_old_kill_explains_nothing(counter: Counter, recent: RecentKills):
    """Somebody else's process was killed while all was well here."""
    counter.kills = 41
    for second in range(1, int(2 * RECENT)):
        recent.look(float(second))
    assert not recent.explain(2 * RECENT)
    counter.kills = 42
    assert recent.explain(2 * RECENT + 1)


def test_a_kill_that_was_taken_is_forgotten_with_its_time(counter: Counter, recent: RecentKills):
    """A later one counts again."""
    counter.kills = 41
    assert recent.explain(1.0)
    for second in range(2, int(3 * RECENT)):
        recent.look(float(second))
    counter.kills = 42
    assert recent.explain(3 * RECENT)


def test_a_system_that_does_not_count_explains_nothing(counter: Counter, monkeypatch):
    """There is no such number outside Linux."""
    counter.kills = None
    recent = RecentKills(counter)
    assert not recent.explain(1.0)
