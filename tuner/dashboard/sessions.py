"""Who is logged in: signed cookies, and those that were ended before their time."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

from itsdangerous import BadSignature, TimestampSigner

SESSION_SECONDS = 7 * 24 * 3600


class Sessions:
    """Makes and checks the values of session cookies: ``identifier.time.signature``.

    The key is made at start, so a restart logs everybody out. Starlette's own ``SessionMiddleware``
    signs in the same way, but a copy of its cookie stays good after its owner has logged out.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._signer, self._browsers = _Signer(clock), _Signer(clock)
        self._ended: dict[str, float] = {}  # logged out, until they would have expired anyway
        self._lock = threading.Lock()

    def open(self) -> str:
        """Returns the cookie of a new session."""
        return self._signer.sign(secrets.token_urlsafe(16)).decode()

    def is_open(self, cookie: str) -> bool:
        """Tells whether a cookie was made here, has not expired and was not ended."""
        identifier = self._signer.identifier(cookie, SESSION_SECONDS)
        with self._lock:
            return identifier is not None and identifier not in self._ended

    def end(self, cookie: str) -> None:
        """Makes a cookie worthless, wherever copies of it are."""
        identifier = self._signer.identifier(cookie, SESSION_SECONDS)
        if identifier is None:
            return
        now = self._clock()
        with self._lock:
            self._ended = {key: expiry for key, expiry in self._ended.items() if expiry > now}
            self._ended[identifier] = now + SESSION_SECONDS

    def new_browser(self) -> str:
        """Returns a cookie that tells a browser from others, and opens nothing."""
        return self._browsers.sign(secrets.token_urlsafe(16)).decode()

    def browser(self, cookie: str) -> str | None:
        """Which browser a cookie of ``new_browser`` was given to."""
        return self._browsers.identifier(cookie, None)


class _Signer(TimestampSigner):
    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(secrets.token_bytes(32))
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())

    def identifier(self, cookie: str, seconds: int | None) -> str | None:
        """What was signed; None where it was not signed here, or too long ago."""
        try:
            return self.unsign(cookie, max_age=seconds).decode()
        except (BadSignature, UnicodeError):
            return None
