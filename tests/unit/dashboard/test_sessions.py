"""Session cookies and the limit on wrong passwords, under a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tuner.dashboard import sessions
from tuner.dashboard.sessions import ATTEMPTS, ATTEMPTS_SECONDS, SESSION_SECONDS, Attempts, Sessions


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_open_until_it_expires() -> None:
    clock = Clock()
    opened = Sessions(clock)
    cookie = opened.open()
    clock.now += SESSION_SECONDS - 1
    assert opened.is_open(cookie)
    clock.now += 2
    assert not opened.is_open(cookie)


def test_a_session_that_was_ended_stays_closed_and_others_stay_open() -> None:
    opened = Sessions()
    first, second = opened.open(), opened.open()
    opened.end(first)
    assert not opened.is_open(first)
    assert opened.is_open(second)


@pytest.mark.parametrize("cookie", ["", ".", "..", "a.b.c", "9999999999.x.", "é.ü.ö"])
def test_a_cookie_that_was_not_made_here_opens_nothing(cookie: str) -> None:
    assert not Sessions().is_open(cookie)


def test_a_cookie_cannot_be_prolonged() -> None:
    opened = Sessions()
    expiry, identifier, signature = opened.open().split(".")
    assert not opened.is_open(f"{int(expiry) + 1}.{identifier}.{signature}")


def test_a_cookie_of_another_process_opens_nothing() -> None:
    assert not Sessions().is_open(Sessions().open())


def test_an_address_may_try_a_few_passwords_a_minute() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    assert [attempts.take("192.0.2.7") for _ in range(ATTEMPTS + 1)] == [True] * ATTEMPTS + [False]
    assert attempts.take("192.0.2.8")
    clock.now += ATTEMPTS_SECONDS + 1
    assert attempts.take("192.0.2.7")


def test_the_right_password_gives_all_attempts_back() -> None:
    attempts = Attempts()
    for _ in range(3 * ATTEMPTS):
        assert attempts.take("192.0.2.7")
        attempts.forgive("192.0.2.7")


def test_memory_for_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_ADDRESSES", 3)
    attempts = Attempts()
    assert [attempts.take(str(address)) for address in range(4)] == [True, True, True, False]
