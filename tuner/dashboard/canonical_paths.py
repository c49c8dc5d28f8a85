"""What a request asks for, read once and in the same way by every layer and every route."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from tuner.dashboard.refusal import refuse

NUMBER = re.compile(r"-?\d+")  # what Bottle takes for a number, in any script
LARGEST = 2**31 - 1  # id of a study or trial, as the tables have it
# Bottle builds the addresses of redirects from these, whoever sent them.
FORWARDED = re.compile(rb"forwarded|x-forwarded-.*")
NOT_FOUND = 404


class Canonical:
    """Rewrites the path, and forgets what only a proxy could say of it.

    ``//api/studies/007/`` is ``/api/studies/7``, as it is to Bottle behind us. Otherwise a path
    that a layer of ours lets pass as another one could be what Bottle acts upon.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = canonical(scope["path"])
        if path is None:
            reason = "Expected the number of a study or trial. Received: one that none can have."
            await refuse(scope, NOT_FOUND, reason)(scope, receive, send)
            return
        headers = [item for item in scope["headers"] if not FORWARDED.fullmatch(item[0].lower())]
        changed = {"path": path, "raw_path": quote(path).encode(), "headers": headers}
        await self._app({**scope, **changed}, receive, send)


def canonical(path: str) -> str | None:
    """The path as all layers read it; None where a number in it is none of the tables."""
    parts = [_number(part) for part in path.strip("/").split("/")]
    resolved = [part for part in parts if part is not None]
    return "/" + "/".join(resolved) if len(resolved) == len(parts) else None


def _number(part: str) -> str | None:
    if not NUMBER.fullmatch(part):
        return part
    try:
        number = int(part)
    except ValueError:  # thousands of digits
        return None
    return str(number) if 0 <= number <= LARGEST else None
