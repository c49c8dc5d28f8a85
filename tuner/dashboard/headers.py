"""What browsers are told about every response: who may embed, run, read and keep it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.headers import Headers
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tuner.dashboard.wsgi import Header

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Kept by the browser alone, and asked for again every time (cheap: see `compression`).
CACHE_CONTROL = "private, no-cache"

# Added to the policy that a page brings itself.
PAGE_POLICY = "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
NO_PAGE_POLICY = "default-src 'none'; frame-ancestors 'none'"
# An uploaded file comes from whoever could run a trial: opened in a tab, it gets an origin of its
# own, without scripts, so it cannot act in the name of the visitor.
ARTIFACT_POLICY = (
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'none'"
)


class SecurityHeaders:
    """Adds the headers above to whatever the application answers."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # The application may rewrite its copy of the path, so this one is read first.
        artifact = environ.get("PATH_INFO", "").lstrip("/").startswith("artifacts/")

        def start(status: str, headers: list[Header], exc_info: Any = None, /) -> Any:
            return start_response(status, secured(headers, artifact=artifact), exc_info)

        return self._app(environ, start)


def secured(headers: list[Header], *, artifact: bool) -> list[Header]:
    """Returns a response's headers with those that protect it.

    Args:
        headers: As the application gave them; left as they are.
        artifact: Whether the response is a file that a trial has uploaded.
    """
    result = Headers(list(headers))
    for name, value in ALWAYS.items():
        result[name] = value
    result.setdefault("Cache-Control", CACHE_CONTROL)
    # optuna-dashboard lets every website read its artifacts.
    del result["Access-Control-Allow-Origin"]
    own_policy = result["Content-Security-Policy"]
    if artifact:
        result["Content-Security-Policy"] = ARTIFACT_POLICY
    elif own_policy:
        result["Content-Security-Policy"] = f"{own_policy}; {PAGE_POLICY}"
    else:
        result["Content-Security-Policy"] = NO_PAGE_POLICY
    return result.items()
