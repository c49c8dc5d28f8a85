"""How fast passwords are compared, under a clock and a pause that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tuner.dashboard import password_guesses
from tuner.dashboard.password_guesses import (
    FREE,
    LONGEST_LINE,
    MEMORY,
    PAUSE,
    Guesses,
    TooMany,
    network,
)

PASSWORD = "correct horse"
ADDRESS = "192.0.2.7"


class Time:
    """Stands still until it is moved; who sleeps wakes then."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleeping: list[tuple[float, asyncio.Event]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        wake = asyncio.Event()
        self._sleeping.append((self.now + seconds, wake))
        await wake.wait()

    async def move(self, seconds: float) -> None:
        """Seconds pass, one pause after the other."""
        end = self.now + seconds
        while self.now < end:
            await settle()
            self.now += PAUSE
            for at, wake in self._sleeping:
                if at <= self.now:
                    wake.set()
        await settle()


async def settle() -> None:
    """Everything that can go on does."""
    for _ in range(20):
        await REAL_SLEEP(0)


REAL_SLEEP = asyncio.sleep
Play = Callable[[Guesses, Time], Coroutine[Any, Any, None]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Play], None]:
    """Runs a test with a fresh memory of guesses."""

    def play(test: Play) -> None:
        time = Time()
        monkeypatch.setattr(password_guesses.asyncio, "sleep", time.sleep)
        asyncio.run(test(Guesses(PASSWORD, time), time))

    return play


async def spend(known: Guesses, sender: str = ADDRESS) -> None:
    """Uses up what is compared at once."""
    for number in range(FREE):
        assert not await known.is_right(f"wrong {number}", sender)


def test_right_ones_never_wait_where_nobody_guesses(run: Callable[[Play], None]) -> None:
    """However many come, at whatever time: 5 of 2,400 were refused once."""

    async def test(known: Guesses, _: Time) -> None:
        answers = await asyncio.gather(*(known.is_right(PASSWORD, ADDRESS) for _ in range(2400)))
        assert answers == [True] * 2400

    run(test)


def test_the_same_wrong_one_again_is_no_guess(run: Callable[[Play], None]) -> None:
    """A program with an old password slows down nobody behind its address."""

    async def test(known: Guesses, _: Time) -> None:
        for _ in range(100):
            assert not await known.is_right("old password", ADDRESS)
        assert await known.is_right(PASSWORD, ADDRESS)

    run(test)


def test_further_guesses_are_compared_one_a_second(run: Callable[[Play], None]) -> None:
    """However many are sent at once, and although a right one is among them now and then."""

    async def test(known: Guesses, time: Time) -> None:
        await spend(known)
        sent = [
            asyncio.create_task(known.is_right(f"guess {number}", ADDRESS))
            for number in range(LONGEST_LINE - 1)
        ]
        right = asyncio.create_task(known.is_right(PASSWORD, ADDRESS))
        await settle()
        for second in range(1, 11):
            await time.move(PAUSE)
            assert sum(task.done() for task in sent) == second
        await time.move(LONGEST_LINE * PAUSE)
        assert right.result()
        assert not any(task.result() for task in sent)
        assert not await known.is_right(f"guess {LONGEST_LINE - 2}", ADDRESS)
        another = asyncio.create_task(known.is_right("another", ADDRESS))
        await settle()
        assert not another.done()  # the right one has forgiven nothing
        await time.move(PAUSE)
        assert not another.result()

    run(test)


def test_who_is_right_is_let_in_in_turn(run: Callable[[Play], None]) -> None:
    """All programs that send the password have one place in the line, and it tells nothing."""

    async def test(known: Guesses, time: Time) -> None:
        await spend(known)
        others = [
            asyncio.create_task(known.is_right(f"guess {number}", ADDRESS)) for number in range(3)
        ]
        await settle()
        programs = [asyncio.create_task(known.is_right(PASSWORD, ADDRESS)) for _ in range(500)]
        await time.move(3 * PAUSE)
        assert all(task.done() for task in others)
        assert not any(task.done() for task in programs)
        await time.move(PAUSE)
        assert all(task.result() for task in programs)

    run(test)


def test_other_senders_are_not_slowed(run: Callable[[Play], None]) -> None:
    """Behind another address, or with a browser that was let in before."""

    async def test(known: Guesses, _: Time) -> None:
        await spend(known)
        assert await known.is_right(PASSWORD, "192.0.2.8")
        assert await known.is_right(PASSWORD, "a browser")

    run(test)


def test_a_full_line_asks_to_come_again(run: Callable[[Play], None]) -> None:
    """Whose guess is in it already may join."""

    async def test(known: Guesses, time: Time) -> None:
        await spend(known)
        waiting = [
            asyncio.create_task(known.is_right(f"guess {number}", ADDRESS))
            for number in range(LONGEST_LINE)
        ]
        await settle()
        with pytest.raises(TooMany) as full:
            await known.is_right("one more", ADDRESS)
        assert full.value.seconds == LONGEST_LINE * PAUSE
        joined = asyncio.create_task(known.is_right("guess 0", ADDRESS))
        await time.move(PAUSE)
        assert joined.done()
        await time.move(LONGEST_LINE * PAUSE)
        assert all(task.done() for task in waiting)

    run(test)


def test_who_gives_up_leaves_the_line(run: Callable[[Play], None]) -> None:
    """Others move up: nobody can fill it with guesses and go."""

    async def test(known: Guesses, time: Time) -> None:
        await spend(known)
        gone = [
            asyncio.create_task(known.is_right(f"guess {number}", ADDRESS))
            for number in range(LONGEST_LINE)
        ]
        await settle()
        for task in gone:
            task.cancel()
        await settle()
        right = asyncio.create_task(known.is_right(PASSWORD, ADDRESS))
        await time.move(2 * PAUSE)
        assert right.result()

    run(test)


def test_what_was_guessed_long_ago_is_forgotten(run: Callable[[Play], None]) -> None:
    """A few are free again."""

    async def test(known: Guesses, time: Time) -> None:
        await spend(known)
        time.now += MEMORY + 1
        await spend(known)

    run(test)


def test_memory_for_senders_is_bounded(
    run: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond it they share a line; who is right passes it."""
    monkeypatch.setattr(password_guesses, "MOST_SENDERS", 3)

    async def test(known: Guesses, time: Time) -> None:
        for sender in range(3 + FREE):
            assert not await known.is_right(f"wrong {sender}", f"192.0.2.{sender}")
        assert len(known._senders) == 4
        right = asyncio.create_task(known.is_right(PASSWORD, "192.0.2.99"))
        await time.move(PAUSE)
        assert right.result()
        time.now += MEMORY + 1
        assert await known.is_right(PASSWORD, "192.0.2.100")
        assert len(known._senders) <= 3

    run(test)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("a browser", "a browser"),
        ("", ""),
    ],
)
def test_a_customer_has_many_addresses(name: str, expected: str) -> None:
    """Of IPv6's; they count as one."""
    assert network(name) == expected
