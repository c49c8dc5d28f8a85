"""How many passwords a sender may guess, without locking out whoever knows the right one.

What counts is the guess. A right password is never counted, nor is a wrong one that was sent
before: a program with an old password slows nobody down. Once a sender has made a few different
wrong guesses, its guesses stand in a line, and one is compared every second. The right one waits
its turn like any other, since an answer that came at once would tell it apart; it is not refused,
and however many programs send it, it has one place in the line.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

FREE = 5  # different wrong guesses that are compared at once...
MEMORY = 60.0  # ...within so many seconds
PAUSE = 1.0  # seconds from one comparison to the next in a line
LONGEST_LINE = 60  # guesses of one sender that wait; whoever comes then is asked to come again
MOST_SENDERS = 10_000  # told apart; further ones share a line
NETWORK = 64  # bits of an IPv6 address that belong to one customer

OTHERS = "others"


class TooMany(Exception):
    """The line is full.

    Attributes:
        seconds: After which there is room again.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass
class _Sender:
    """What one sender has guessed.

    Attributes:
        wrong: When each of its wrong guesses was compared.
        line: Its guesses that wait, in order: set once it is their turn.
        listeners: How many requests wait for each of them.
    """

    wrong: dict[bytes, float] = field(default_factory=dict)
    line: dict[bytes, asyncio.Event] = field(default_factory=dict)
    listeners: dict[bytes, int] = field(default_factory=dict)
    moving: asyncio.Task[None] | None = None

    def idle(self) -> bool:
        return not self.wrong and not self.line


class Guesses:
    """Compares what is sent with the password.

    Args:
        clock: Seconds from any start.
    """

    def __init__(self, password: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._password, self._clock = password, clock
        self._key = secrets.token_bytes(32)
        self._senders: dict[str, _Sender] = {}

    async def is_right(self, guess: str, sender: str) -> bool:
        """Compares a guess, in its turn.

        Args:
            sender: An address, or another name for who sent it.

        Raises:
            TooMany: It cannot wait, either.
        """
        who, digest = self._sender(sender), self._digest(guess)
        if digest in who.wrong:
            return False
        if len(who.wrong) >= FREE:
            await self._turn(who, digest)
        right = hmac.compare_digest(guess.encode(), self._password.encode())
        if not right:
            who.wrong[digest] = self._clock()
        return right

    def _digest(self, guess: str) -> bytes:
        """Wrong guesses are often nearly right: they are not kept as they are."""
        return hashlib.blake2b(guess.encode(), key=self._key, digest_size=16).digest()

    def _sender(self, name: str) -> _Sender:
        name = network(name)
        if name not in self._senders and len(self._senders) >= MOST_SENDERS:
            self._forget()
            name = name if len(self._senders) < MOST_SENDERS else OTHERS
        sender = self._senders.setdefault(name, _Sender())
        self._forget_guesses(sender)
        return sender

    def _forget_guesses(self, sender: _Sender) -> None:
        start = self._clock() - MEMORY
        for digest in [digest for digest, at in sender.wrong.items() if at < start]:
            del sender.wrong[digest]

    def _forget(self) -> None:
        for sender in self._senders.values():
            self._forget_guesses(sender)
        self._senders = {name: who for name, who in self._senders.items() if not who.idle()}

    async def _turn(self, who: _Sender, digest: bytes) -> None:
        """Waits in the line; a guess that nobody waits for any more leaves it."""
        if digest not in who.line and len(who.line) >= LONGEST_LINE:
            raise TooMany(math.ceil(LONGEST_LINE * PAUSE))
        turn = who.line.setdefault(digest, asyncio.Event())
        who.listeners[digest] = who.listeners.get(digest, 0) + 1
        if who.moving is None or who.moving.done():
            who.moving = asyncio.create_task(_move(who))
        try:
            await turn.wait()
        finally:
            who.listeners[digest] -= 1
            if not who.listeners[digest]:
                del who.listeners[digest]
                who.line.pop(digest, None)


async def _move(who: _Sender) -> None:
    """Lets the first in the line go, time after time, until nobody is left."""
    while who.line:
        await asyncio.sleep(PAUSE)
        if who.line:
            who.line.pop(next(iter(who.line))).set()


def network(name: str) -> str:
    """Whom an address belongs to: one customer has very many of IPv6's."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    if address.version == 4:
        return name
    return str(ipaddress.ip_network((address, NETWORK), strict=False))
