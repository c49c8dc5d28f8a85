"""Asks for the password: people on a page, programs in a header."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, quote, urlencode

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tuner.dashboard.pages import page
from tuner.dashboard.password_guesses import Guesses, TooMany
from tuner.dashboard.refusal import SAFE_METHODS, is_safe, refuse
from tuner.dashboard.request_body import replayed
from tuner.dashboard.sessions import SESSION_SECONDS, Sessions

LARGEST_FORM = 4096  # bytes
KNOWN_SECONDS = 365 * 24 * 3600  # for which a browser is told from others at its address
LOGIN, LOGOUT = "/login", "/logout"
SEE_OTHER, UNAUTHORIZED, FORBIDDEN, TOO_MANY = 303, 401, 403, 429
WRONG = "This is not the password."
FULL = "Too many passwords are tried from your address. Try again in a minute."


class Login:
    """The pages at ``/login`` and ``/logout``, and who has passed them.

    A browser gets a session cookie; a program sends ``Authorization: Bearer PASSWORD``.
    """

    def __init__(self, password: str) -> None:
        self._guesses = Guesses(password)
        self._sessions = Sessions()

    def routes(self) -> list[Route]:
        """The pages, which need no password."""
        return [
            Route(LOGIN, self._login, methods=["GET", "POST"]),
            Route(LOGOUT, self._logout, methods=["GET", "POST"]),
        ]

    def has_session(self, connection: HTTPConnection) -> bool:
        """Whether a request comes from a browser that has logged in."""
        return self._sessions.is_open(connection.cookies.get(_cookie_name(connection), ""))

    async def is_right(self, guess: str, connection: HTTPConnection, receive: Receive) -> bool:
        """Compares a password with ours; whoever gives up waiting is forgotten.

        Args:
            receive: What the client sends from now on.

        Raises:
            TooMany: Its sender has tried too many.
            ClientDisconnect: It has gone.
        """
        sender = self._guesses.is_right(guess, self._sender(connection))
        verdict, gone = asyncio.create_task(sender), asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((verdict, gone), return_when=asyncio.FIRST_COMPLETED)
            if not verdict.done():
                raise ClientDisconnect
            return verdict.result()
        finally:
            verdict.cancel()
            gone.cancel()

    def _sender(self, connection: HTTPConnection) -> str:
        """A browser that was let in before is told from others behind its address."""
        browser = self._sessions.browser(connection.cookies.get(_known_name(connection), ""))
        client = connection.client
        return browser or (client.host if client else "")

    async def _login(self, request: Request) -> Response:
        onward = _local(request.query_params.get("next", ""))
        if request.method in SAFE_METHODS:
            if self.has_session(request):
                return RedirectResponse(onward, SEE_OTHER)
            return page("login.html")
        guess = _password(await request.body())
        try:
            if not await self.is_right(guess, request, request.receive):
                return page("login.html", FORBIDDEN, problem=WRONG)
        except TooMany as e:
            answer = page("login.html", TOO_MANY, problem=FULL)
            answer.headers["Retry-After"] = str(e.seconds)
            return answer
        return self._logged_in(request, onward)

    def _logged_in(self, request: Request, onward: str) -> Response:
        answer, cookie = RedirectResponse(onward, SEE_OTHER), self._sessions.open()
        _set_cookie(answer, request, _cookie_name(request), cookie, SESSION_SECONDS)
        browser = self._sessions.new_browser()
        _set_cookie(answer, request, _known_name(request), browser, KNOWN_SECONDS)
        return answer

    async def _logout(self, request: Request) -> Response:
        if request.method in SAFE_METHODS:
            return page("logout.html")
        self._sessions.end(request.cookies.get(_cookie_name(request), ""))
        answer = RedirectResponse(LOGIN, SEE_OTHER)
        _set_cookie(answer, request, _cookie_name(request), "", 0)
        return answer


class PasswordRequired:
    """Lets those through who have logged in or send the password with their request."""

    def __init__(self, app: ASGIApp, login: Login) -> None:
        self._app, self._login = app, login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in (LOGIN, LOGOUT):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if self._login.has_session(connection):
            await self._app(scope, receive, send)
            return
        scheme, _, credentials = connection.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            await _ask(scope)(scope, receive, send)
            return
        await self._bearer(_as_text(credentials.strip()), scope, receive, send)

    async def _bearer(self, guess: str, scope: Scope, receive: Receive, send: Send) -> None:
        first: Message = await receive()  # what follows is that the client has gone
        try:
            right = await self._login.is_right(guess, HTTPConnection(scope), receive)
        except TooMany as e:
            wait = {"Retry-After": str(e.seconds)}
            await refuse(scope, TOO_MANY, FULL, wait)(scope, receive, send)
            return
        except ClientDisconnect:
            return
        app = self._app if right else _unauthorized(scope)
        await app(scope, replayed(first, receive), send)


async def _gone(receive: Receive) -> None:
    """Waits until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _ask(scope: Scope) -> Response:
    """Shows the log-in page to a person; tells a program what is missing."""
    connection = HTTPConnection(scope)
    if not is_safe(scope) or "text/html" not in connection.headers.get("Accept", ""):
        return _unauthorized(scope)
    onward = quote(scope["path"])
    if scope["query_string"]:
        onward += "?" + scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{LOGIN}?" + urlencode({"next": onward}), SEE_OTHER)


def _unauthorized(scope: Scope) -> Response:
    reason = "Expected the password: log in at /login, or send it as 'Authorization: Bearer ...'."
    return refuse(scope, UNAUTHORIZED, reason, {"WWW-Authenticate": 'Bearer realm="tuner"'})


def _cookie_name(connection: HTTPConnection) -> str:
    # Browsers keep one jar for all ports of a host: dashboards side by side need names apart.
    server = connection.scope.get("server") or ("", 0)
    return f"tuner-{server[1]}"


def _known_name(connection: HTTPConnection) -> str:
    return f"{_cookie_name(connection)}-known"


def _set_cookie(answer: Response, request: Request, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        httponly=True,
        samesite="Strict",  # type: ignore[arg-type]  # as browsers' own documents spell it
        secure=request.scope["scheme"] == "https",
    )


def _password(form: bytes) -> str:
    """The password in a form; an empty one where the form is longer than ours can be."""
    if len(form) > LARGEST_FORM:
        return ""
    return parse_qs(form.decode("utf-8", "replace")).get("password", [""])[0]


def _as_text(header: str) -> str:
    """A header's bytes, which are handed over as Latin-1, read as UTF-8."""
    return header.encode("latin-1").decode("utf-8", "replace")


def _local(target: str) -> str:
    """A path on this dashboard to go on to; anything else becomes its start page."""
    inside = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if inside and target.isprintable() and target.isascii() else "/"
