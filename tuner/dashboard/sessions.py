"""Who is logged in, and who has guessed wrong too often."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable

SESSION_SECONDS = 7 * 24 * 3600.0
ATTEMPTS = 5  # passwords that one address may try...
ATTEMPTS_SECONDS = 60.0  # ...within this time
MOST_ADDRESSES = 10_000  # remembered at once; beyond it nobody may log in until one is forgotten


class Sessions:
    """Makes and checks the values of session cookies: ``expiry.identifier.signature``.

    The key is made at start, so a restart logs everybody out.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._ended: dict[str, float] = {}  # logged out, until they would have expired anyway
        self._lock = threading.Lock()

    def open(self) -> str:
        """Returns the cookie of a new session."""
        expiry = int(self._clock() + SESSION_SECONDS)
        content = f"{expiry}.{secrets.token_urlsafe(16)}"
        return f"{content}.{self._sign(content)}"

    def is_open(self, cookie: str) -> bool:
        """Tells whether a cookie was made here, has not expired and was not ended."""
        content, _, signature = cookie.rpartition(".")
        if not same(signature, self._sign(content)):
            return False
        expiry = float(content.partition(".")[0])
        with self._lock:
            return self._clock() < expiry and content not in self._ended

    def end(self, cookie: str) -> None:
        """Makes a cookie worthless, wherever copies of it are."""
        if not self.is_open(cookie):
            return
        content = cookie.rpartition(".")[0]
        with self._lock:
            now = self._clock()
            self._ended = {key: expiry for key, expiry in self._ended.items() if expiry > now}
            self._ended[content] = float(content.partition(".")[0])

    def _sign(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), hashlib.sha256).hexdigest()


class Attempts:
    """Limits how many passwords an address may try in a minute.

    A limit instead of a delay: a delay would hold one of the few threads that serve everybody.

    Args:
        clock: Seconds from any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tried: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def take(self, address: str) -> bool:
        """Uses up an attempt; False where there is none left. Call it before comparing."""
        with self._lock:
            self._forget()
            tried = self._tried.get(address, [])
            if len(tried) >= ATTEMPTS or len(self._tried) >= MOST_ADDRESSES:
                return False
            self._tried[address] = [*tried, self._clock()]
            return True

    def forgive(self, address: str) -> None:
        """Gives all attempts back to an address that knew the password."""
        with self._lock:
            self._tried.pop(address, None)

    def _forget(self) -> None:
        start = self._clock() - ATTEMPTS_SECONDS
        kept = {
            address: [moment for moment in moments if moment > start]
            for address, moments in self._tried.items()
        }
        self._tried = {address: moments for address, moments in kept.items() if moments}


def same(given: str, expected: str) -> bool:
    """Compares two secrets in a time that does not tell how far they agree."""
    return hmac.compare_digest(given.encode(), expected.encode())
