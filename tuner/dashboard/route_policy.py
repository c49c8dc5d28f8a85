"""What optuna-dashboard can do but must not do to a study that workers share."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from tuner.dashboard.login import LOGIN, LOGOUT
from tuner.dashboard.refusal import is_safe, refuse

BLOCKED = (
    (
        re.compile(r"/incompatible-rdb-schema"),
        "The store's tables are never upgraded from a web page.",
    ),
    (
        # optuna-dashboard copies the study under a new id and deletes the old one.
        re.compile(r"/api/studies/[^/]+/rename"),
        "A study cannot be renamed: its workers know it by its name. "
        "Launch a study under the new name instead.",
    ),
    (
        re.compile(r"/api/trials/[^/]+/tell"),
        "A trial is ended by its worker alone. Stop the study with `tuner stop` instead.",
    ),
)
UPLOADS = (
    re.compile(r"/api/artifacts/.*"),
    "Files of trials are written by their workers and go with them.",
)
WRITES = (re.compile(r".*", re.DOTALL), "This dashboard is read-only.")
FORBIDDEN = 403


class RoutePolicy:
    """Refuses writes to routes that are blocked, each with its reason.

    Args:
        uploads: Whether files may be uploaded and removed.
        read_only: Refuses everything that would write to the store.
    """

    def __init__(self, app: ASGIApp, *, uploads: bool = False, read_only: bool = False) -> None:
        self._app = app
        self._blocked = [WRITES] if read_only else [*BLOCKED, *([] if uploads else [UPLOADS])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = self._reason(scope) if scope["type"] == "http" else None
        app = self._app if reason is None else refuse(scope, FORBIDDEN, reason)
        await app(scope, receive, send)

    def _reason(self, scope: Scope) -> str | None:
        """Why a request is refused; None where it is not. A session is not in the store."""
        path = scope["path"]
        if is_safe(scope) or path in (LOGIN, LOGOUT):
            return None
        return next((reason for route, reason in self._blocked if route.fullmatch(path)), None)
