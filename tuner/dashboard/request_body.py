"""Bodies of requests: read as a whole, within limits, before any thread is taken for them.

Eight clients that send half a body would otherwise hold all threads there are.
"""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tuner.dashboard.refusal import refuse

SECONDS = 15.0  # for a whole body
LARGEST = 1 << 20  # bytes; of a note, the longest text that is written here
LARGEST_UPLOAD = 64 << 20  # bytes; where files are taken at all
UPLOADS = "/api/artifacts/"
TIMEOUT, TOO_LARGE = 408, 413


class BodyLimits:
    """Reads a body when it is asked for, and refuses one that is too large or too slow.

    What is too large is read on without being kept: most clients read no answer before they have
    sent everything.

    Args:
        uploads: Whether files are taken.
    """

    def __init__(self, app: ASGIApp, *, uploads: bool = False) -> None:
        self._app, self._uploads = app, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            upload = self._uploads and scope["path"].startswith(UPLOADS)
            receive = _Body(receive, LARGEST_UPLOAD if upload else LARGEST)
        try:
            await self._app(scope, receive, send)
        except HTTPException as e:
            await refuse(scope, e.status_code, e.detail)(scope, receive, send)


class _Body:
    """A request's messages: one with the whole body, then those that follow it."""

    def __init__(self, receive: Receive, largest: int) -> None:
        self._receive, self._largest = receive, largest
        self._read = False

    async def __call__(self) -> Message:
        if self._read:
            return await self._receive()
        self._read = True
        try:
            async with asyncio.timeout(SECONDS):
                body = await self._whole()
        except TimeoutError as e:
            reason = f"Expected the whole request within {SECONDS:.0f} seconds."
            raise HTTPException(TIMEOUT, reason) from e
        except ClientDisconnect:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def _whole(self) -> bytes:
        body, size, more = bytearray(), 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= self._largest:
                body += chunk
            more = message.get("more_body", False)
        if size > self._largest:
            reason = f"Expected at most {self._largest} bytes. Received: {size}."
            raise HTTPException(TOO_LARGE, reason)
        return bytes(body)


def replayed(first: Message, receive: Receive) -> Receive:
    """The messages of a request, of which the first was taken already."""
    taken = [first]

    async def again() -> Message:
        return taken.pop() if taken else await receive()

    return again
