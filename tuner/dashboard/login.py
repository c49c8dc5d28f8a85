"""Asks for the password: people on a page, programs in a header."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qs, quote, urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tuner.dashboard import pages, wsgi
from tuner.dashboard.sessions import ATTEMPTS_SECONDS, SESSION_SECONDS, Attempts, Sessions, same
from tuner.dashboard.wsgi import Header

LARGEST_FORM = 4096  # bytes


class Login:
    """Lets those through who have logged in at ``/login`` or send the password with each request.

    A browser gets a session cookie; a program sends ``Authorization: Bearer PASSWORD``.
    """

    def __init__(self, app: WSGIApplication, password: str) -> None:
        self._app = app
        self._password = password
        self._sessions = Sessions()
        self._attempts = Attempts()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = wsgi.path(environ)
        if path == "/login":
            return self._login(environ, start_response)
        if path == "/logout":
            return self._logout(environ, start_response)
        if self._sessions.is_open(_cookie(environ)):
            return self._app(environ, start_response)
        return self._bearer(environ, start_response)

    def _bearer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return _ask(environ, start_response)
        verdict = self._check(environ, _as_text(given.strip()))
        if verdict is None:
            reason = "Too many wrong passwords. Try again in a minute."
            return wsgi.refuse(
                environ, start_response, "429 Too Many Requests", reason, [_retry_after()]
            )
        if not verdict:
            return _unauthorized(environ, start_response)
        return self._app(environ, start_response)

    def _login(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        onward = _local(_first(parse_qs(environ.get("QUERY_STRING", "")), "next"))
        if wsgi.method(environ) in wsgi.SAFE_METHODS:
            if self._sessions.is_open(_cookie(environ)):
                return wsgi.redirect(start_response, onward)
            return _page(start_response, "200 OK", pages.login())
        verdict = self._check(environ, _first(_form(environ), "password"))
        if verdict is None:
            page = pages.login("Too many wrong passwords. Try again in a minute.")
            return _page(start_response, "429 Too Many Requests", page, [_retry_after()])
        if not verdict:
            return _page(start_response, "403 Forbidden", pages.login("This is not the password."))
        cookie = _set_cookie(environ, self._sessions.open(), SESSION_SECONDS)
        return wsgi.redirect(start_response, onward, [cookie])

    def _logout(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if wsgi.method(environ) in wsgi.SAFE_METHODS:
            return _page(start_response, "200 OK", pages.logout())
        self._sessions.end(_cookie(environ))
        return wsgi.redirect(start_response, "/login", [_set_cookie(environ, "", 0)])

    def _check(self, environ: WSGIEnvironment, given: str) -> bool | None:
        """Compares a password; None where its sender has tried too many."""
        address = environ.get("REMOTE_ADDR", "")
        if not self._attempts.take(address):
            return None
        if not same(given, self._password):
            return False
        self._attempts.forgive(address)
        return True


def _ask(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Shows the log-in page to a person; tells a program what is missing."""
    wants_page = "text/html" in environ.get("HTTP_ACCEPT", "")
    if wsgi.method(environ) not in wsgi.SAFE_METHODS or not wants_page:
        return _unauthorized(environ, start_response)
    onward = quote(wsgi.path(environ))
    if environ.get("QUERY_STRING"):
        onward += "?" + environ["QUERY_STRING"]
    return wsgi.redirect(start_response, "/login?" + urlencode({"next": onward}))


def _unauthorized(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    reason = "Expected the password: log in at /login, or send it as 'Authorization: Bearer ...'."
    challenge = ("WWW-Authenticate", 'Bearer realm="tuner"')
    return wsgi.refuse(environ, start_response, "401 Unauthorized", reason, [challenge])


def _page(
    start_response: StartResponse, status: str, page: str, headers: Iterable[Header] = ()
) -> Iterable[bytes]:
    own = [("Content-Security-Policy", pages.POLICY), ("Cache-Control", "no-store")]
    return wsgi.respond(start_response, status, "text/html", page, [*own, *headers])


def _cookie_name(environ: WSGIEnvironment) -> str:
    # Browsers keep one jar for all ports of a host: dashboards side by side need names apart.
    return f"tuner-{environ['SERVER_PORT']}"


def _cookie(environ: WSGIEnvironment) -> str:
    """The session cookie, or an empty text."""
    # Not http.cookies: it gives up at the first cookie, of any neighbour, that it finds odd.
    for pair in environ.get("HTTP_COOKIE", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == _cookie_name(environ):
            return str(value)
    return ""


def _set_cookie(environ: WSGIEnvironment, value: str, seconds: float) -> Header:
    text = f"{_cookie_name(environ)}={value}; Path=/; Max-Age={seconds:.0f}"
    text += "; HttpOnly; SameSite=Strict"
    if environ["wsgi.url_scheme"] == "https":
        text += "; Secure"
    return ("Set-Cookie", text)


def _retry_after() -> Header:
    return ("Retry-After", f"{ATTEMPTS_SECONDS:.0f}")


def _form(environ: WSGIEnvironment) -> dict[str, list[str]]:
    """The fields of a form; none where it is longer than ours can be."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > LARGEST_FORM:
        return {}
    return parse_qs(environ["wsgi.input"].read(int(length)).decode("utf-8", "replace"))


def _first(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0]


def _as_text(header: str) -> str:
    """A header's bytes, which WSGI hands over as Latin-1, read as UTF-8."""
    return header.encode("latin-1").decode("utf-8", "replace")


def _local(target: str) -> str:
    """A path on this dashboard to go on to; anything else becomes its start page."""
    inside = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if inside and target.isprintable() and target.isascii() else "/"
