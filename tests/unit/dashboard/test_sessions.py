"""Session cookies, under a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tuner.dashboard.sessions import SESSION_SECONDS, Sessions


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_open_until_it_expires() -> None:
    """To the second."""
    clock = Clock()
    opened = Sessions(clock)
    cookie = opened.open()
    clock.now += SESSION_SECONDS - 1
    assert opened.is_open(cookie)
    clock.now += 2
    assert not opened.is_open(cookie)


def test_a_session_that_was_ended_stays_closed_and_others_stay_open() -> None:
    """Wherever copies of its cookie are."""
    opened = Sessions()
    first, second = opened.open(), opened.open()
    opened.end(first)
    assert not opened.is_open(first)
    assert opened.is_open(second)


def test_ended_sessions_are_forgotten_once_they_would_have_expired() -> None:
    """Memory stays bounded; their cookies are worthless by themselves then."""
    clock = Clock()
    opened = Sessions(clock)
    first = opened.open()
    opened.end(first)
    clock.now += SESSION_SECONDS + 1
    opened.end(opened.open())
    assert len(opened._ended) == 1
    assert not opened.is_open(first)


@pytest.mark.parametrize("cookie", ["", ".", "..", "a.b.c", "9999999999.x.", "é.ü.ö", "\udc80"])
def test_a_cookie_that_was_not_made_here_opens_nothing(cookie: str) -> None:
    """Nor does it end anything, or tell a browser."""
    sessions = Sessions()
    sessions.end(cookie)
    assert not sessions.is_open(cookie)
    assert sessions.browser(cookie) is None


def test_a_cookie_cannot_be_prolonged() -> None:
    """Its time is signed."""
    clock = Clock()
    opened = Sessions(clock)
    identifier, _, signature = opened.open().split(".")
    clock.now += 10
    later = opened.open().split(".")[1]
    assert not opened.is_open(f"{identifier}.{later}.{signature}")


def test_a_cookie_of_another_process_opens_nothing() -> None:
    """A restart logs everybody out."""
    assert not Sessions().is_open(Sessions().open())


def test_a_browser_is_told_from_others_and_let_in_by_nothing_of_that() -> None:
    """Its cookie outlives sessions by far; theirs tell no browser."""
    clock = Clock()
    sessions = Sessions(clock)
    first, second = sessions.new_browser(), sessions.new_browser()
    clock.now += 2 * SESSION_SECONDS
    assert None is not sessions.browser(first) != sessions.browser(second)
    assert not sessions.is_open(sessions.new_browser())
    assert sessions.browser(sessions.open()) is None
