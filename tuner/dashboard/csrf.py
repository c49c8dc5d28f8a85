"""Refuses requests that another website makes through a visitor's browser.

Starlette's ``TrustedHostMiddleware`` compares names without their port and knows no addresses,
which a dashboard on 0.0.0.0 answers to without knowing them beforehand (see `hosts`).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tuner.dashboard.hosts import Hosts
from tuner.dashboard.refusal import is_safe, refuse

FORBIDDEN, MISDIRECTED = 403, 421


class OwnPagesOnly:
    """Lets a request through if its Host is ours, and a write only if it comes from our pages.

    A program that is no browser (curl, a script) sends neither Origin nor Sec-Fetch-Site and is
    let through: whether it may write is a question of the password.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._app
        if scope["type"] == "http":
            app = self._refusal(scope) or app
        await app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("Host", "")
        if not self._hosts.include(host):
            names = ", ".join(sorted(self._hosts.names))
            reason = f"Expected one of {names} as Host. Received: {host!r}."
            return refuse(scope, MISDIRECTED, reason)
        if not is_safe(scope) and not from_own_page(headers):
            reason = "Expected the request to come from the dashboard's own pages."
            return refuse(scope, FORBIDDEN, reason)
        return None


def from_own_page(headers: Headers) -> bool:
    """Tells whether a request comes from a page of this origin, or from no page at all.

    The Host must have been checked already: the Origin is compared with it. Schemes are not
    compared, since behind a proxy that speaks TLS ours is http and the browser's https.
    """
    origin = headers.get("Origin")
    if origin is not None:
        try:
            if urlsplit(origin).netloc.lower() != headers["Host"].lower():
                return False
        except ValueError:
            return False
    return headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
