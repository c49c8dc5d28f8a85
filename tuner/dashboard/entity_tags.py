"""Sends JSON and CSV not at all where the browser has them already.

A page asks for its study every ten seconds, mostly to learn that nothing has changed.
"""

from __future__ import annotations

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TYPES = ("application/json", "text/csv")
OK, NOT_MODIFIED = 200, 304


class EntityTags:
    """Tags answers to GET with a hash of their content, and answers 304 to who has it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            send = _Tagged(send, Headers(scope=scope).get("If-None-Match", ""))
        await self._app(scope, receive, send)


class _Tagged:
    """Holds an answer back until it is whole, if it is data."""

    def __init__(self, send: Send, client_tags: str) -> None:
        self._send, self._known = send, client_tags
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_data(message):
            self._start = message
        elif not self._start:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._end()

    async def _end(self) -> None:
        # Weak (RFC 9110, 8.8.1): the layer in front of this one may compress the same content.
        tag = f'W/"{hashlib.blake2b(self._body, digest_size=16).hexdigest()}"'
        headers = MutableHeaders(scope=self._start)
        headers["ETag"] = tag
        # The header may list several tags; none of them is part of another one.
        if tag in self._known:
            headers.add_vary_header("Accept-Encoding")
            del headers["Content-Length"], headers["Content-Type"]
            self._start["status"] = NOT_MODIFIED
            self._body.clear()
        else:
            headers["Content-Length"] = str(len(self._body))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": bytes(self._body)})


def _is_data(start: Message) -> bool:
    """Whether it is a successful answer with text that compresses well."""
    kind = Headers(raw=start["headers"]).get("Content-Type", "").partition(";")[0]
    return start["status"] == OK and kind in TYPES
