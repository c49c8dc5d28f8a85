"""The few things that every layer around the dashboard does with a WSGI request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from wsgiref.types import StartResponse, WSGIEnvironment

Header = tuple[str, str]

SAFE_METHODS = frozenset({"GET", "HEAD"})  # these change nothing on the server


def method(environ: WSGIEnvironment) -> str:
    """Returns the method in upper case, as Bottle reads it too."""
    return str(environ["REQUEST_METHOD"]).upper()


def path(environ: WSGIEnvironment) -> str:
    """Returns the path as optuna-dashboard will read it, without slashes at its end.

    Raises:
        UnicodeDecodeError: The path is no UTF-8. Bottle drops such bytes before it looks for a
            route, so a path with one could pass for another path here.
    """
    raw: str = environ.get("PATH_INFO", "")
    return "/" + raw.encode("latin-1").decode("utf-8").strip("/")


def respond(
    start_response: StartResponse,
    status: str,
    content_type: str,
    text: str = "",
    headers: Sequence[Header] = (),
) -> Iterable[bytes]:
    """Answers with a text."""
    body = text.encode()
    start_response(
        status,
        [
            ("Content-Type", f"{content_type}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            *headers,
        ],
    )
    return [body]


def refuse(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    status: str,
    reason: str,
    headers: Sequence[Header] = (),
) -> Iterable[bytes]:
    """Answers with one line; on the JSON interface in the form of optuna-dashboard's errors."""
    if str(environ.get("PATH_INFO", "")).startswith("/api/"):
        text = json.dumps({"reason": reason})
        return respond(start_response, status, "application/json", text, headers)
    return respond(start_response, status, "text/plain", reason + "\n", headers)


def redirect(
    start_response: StartResponse, location: str, headers: Sequence[Header] = ()
) -> Iterable[bytes]:
    """Sends the browser on, with a GET."""
    return respond(
        start_response, "303 See Other", "text/plain", headers=[("Location", location), *headers]
    )
