"""Refuses requests that another website makes through a visitor's browser."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tuner.dashboard import wsgi
from tuner.dashboard.hosts import Hosts


class Guard:
    """Lets a request through if its Host is ours, and a write only if it comes from our pages.

    A program that is no browser (curl, a script) sends neither Origin nor Sec-Fetch-Site and is
    let through: whether it may write is a question of the password.
    """

    def __init__(self, app: WSGIApplication, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        if not self._hosts.include(host):
            reason = f"Expected one of {self._listing()} as Host. Received: {host!r}."
            return wsgi.refuse(environ, start_response, "421 Misdirected Request", reason)
        if wsgi.method(environ) not in wsgi.SAFE_METHODS and not from_own_page(environ):
            reason = "Expected the request to come from the dashboard's own pages."
            return wsgi.refuse(environ, start_response, "403 Forbidden", reason)
        try:
            wsgi.path(environ)
        except UnicodeDecodeError:
            return wsgi.refuse(
                environ, start_response, "400 Bad Request", "Expected a path in UTF-8."
            )
        return self._app(environ, start_response)

    def _listing(self) -> str:
        return ", ".join(sorted(self._hosts.names))


def from_own_page(environ: WSGIEnvironment) -> bool:
    """Tells whether a request comes from a page of this origin, or from no page at all.

    The Host must have been checked already: the Origin is compared with it. Schemes are not
    compared, since behind a proxy that speaks TLS ours is http and the browser's https.
    """
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None:
        try:
            if urlsplit(origin).netloc.lower() != environ["HTTP_HOST"].lower():
                return False
        except ValueError:
            return False
    return environ.get("HTTP_SEC_FETCH_SITE", "none") in ("same-origin", "none")
