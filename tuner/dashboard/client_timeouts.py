"""Connections that end by themselves when their client stalls.

uvicorn waits for ever for the rest of a request, and for a client to take what it was sent.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 60.0  # for a whole request, from its first byte or the connection on
RESPONSE_SECONDS = 60.0  # for the next piece of a response to be taken

UNFINISHED = (h11.IDLE, h11.SEND_BODY)  # states of a client that has more of its request to send


class Connection(H11Protocol):
    """As uvicorn's, with a deadline for what the client sends and for what it takes."""

    _sending: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_request()

    def pause_writing(self) -> None:
        # asyncio calls this when the client does not take what fills the buffer.
        super().pause_writing()
        self._taking = self.loop.call_later(RESPONSE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._sending, self._taking):
            if timer is not None:
                timer.cancel()

    def _watch_request(self) -> None:
        """The deadline begins with the first byte; further ones do not prolong it."""
        if self.conn.their_state in UNFINISHED:
            if self._sending is None:
                self._sending = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)
        elif self._sending is not None:
            self._sending.cancel()
            self._sending = None
