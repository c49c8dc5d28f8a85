"""What optuna-dashboard can do but must not do to a study that workers share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tuner.dashboard import wsgi

FORBIDDEN = (
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


class Restrictions:
    """Refuses the writes listed in `FORBIDDEN`, each with its reason.

    Args:
        uploads: Whether files may be uploaded and removed.
    """

    def __init__(self, app: WSGIApplication, *, uploads: bool = False) -> None:
        self._app = app
        self._forbidden = FORBIDDEN if uploads else (*FORBIDDEN, UPLOADS)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if wsgi.method(environ) not in wsgi.SAFE_METHODS:
            path = wsgi.path(environ)
            for pattern, reason in self._forbidden:
                if pattern.fullmatch(path):
                    return wsgi.refuse(environ, start_response, "403 Forbidden", reason)
        return self._app(environ, start_response)


class ReadOnly:
    """Refuses every write."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if wsgi.method(environ) not in wsgi.SAFE_METHODS:
            reason = "This dashboard is read-only."
            return wsgi.refuse(environ, start_response, "403 Forbidden", reason)
        return self._app(environ, start_response)
