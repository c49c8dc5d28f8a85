"""optuna-dashboard itself, a WSGI application, mounted below ours."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO
from wsgiref.headers import Headers
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import optuna_dashboard
from a2wsgi import WSGIMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tuner.control_characters import SafeStderr
from tuner.dashboard.api_bodies import InvalidBody, check_body
from tuner.dashboard.api_errors import answer_errors
from tuner.dashboard.request_body import replayed

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore
    from optuna.storages import BaseStorage

THREADS = 8
SCRIPT = "/tuner/poll.js"
STOCK_SCRIPT = b'<script defer src="/static/bundle.js">'


class OptunaApp:
    """Serves optuna-dashboard from a few threads.

    A thread is taken once a request is there as a whole, and is free once its answer is made,
    however slowly the client takes it.

    Args:
        artifacts: Where the files lie that were uploaded with Optuna; None takes no uploads.
        script: Whether its page asks for what has changed (``poll.js``) instead of everything.
    """

    def __init__(
        self, storage: BaseStorage, artifacts: ArtifactStore | None, *, script: bool
    ) -> None:
        stock: Any = optuna_dashboard.wsgi(storage, artifact_store=artifacts or NoUploads())
        stock.install(answer_errors)
        # The adapter spells the same WSGI types in classes of its own. Without a limit to its
        # queue no thread waits for a client; its answers are JSON and small files.
        self._app: ASGIApp = WSGIMiddleware(  # type: ignore[assignment]
            _adapted(stock, script=script),  # type: ignore[arg-type]
            workers=THREADS,
            send_queue_size=0,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        whole = {"type": "http.request", "body": body, "more_body": False}
        await self._app(_with_length(scope, body), replayed(whole, receive), send)


def _with_length(scope: Scope, body: bytes) -> Scope:
    """A body that came in chunks is whole now; Bottle would look for them."""
    described = (b"content-length", b"transfer-encoding")
    headers = [item for item in scope["headers"] if item[0] not in described]
    length = (b"content-length", str(len(body)).encode())
    return {**scope, "headers": [*headers, length] if body else headers}


def _adapted(app: WSGIApplication, *, script: bool) -> WSGIApplication:
    def adapted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.errors"] = SafeStderr()  # Bottle would be given the standard output
        # It looks this header up without a default.
        environ.setdefault("HTTP_ACCEPT_ENCODING", "")
        try:
            _check(environ)
        except InvalidBody as e:
            return _refused(str(e), start_response)
        if script and environ["PATH_INFO"].startswith("/dashboard"):
            return _with_script(app, environ, start_response)
        return app(environ, start_response)

    return adapted


def _check(environ: WSGIEnvironment) -> None:
    body = environ["wsgi.input"].read()
    environ["wsgi.input"] = io.BytesIO(body)
    content_type = environ.get("CONTENT_TYPE", "")
    check_body(environ["REQUEST_METHOD"], environ["PATH_INFO"], content_type, body)


def _refused(reason: str, start_response: StartResponse) -> list[bytes]:
    body = json.dumps({"reason": reason}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("400 Bad Request", headers)
    return [body]


def _with_script(
    app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """The stock page, with our script before its own."""
    # Bottle would answer for its file, which is not the page that we send: no date, tag or range of
    # it is true of ours.
    for conditional in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_RANGE"):
        environ.pop(conditional, None)
    answer: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        answer[:] = [status, Headers(list(headers)), exc_info]

    chunks = app(environ, start)
    try:
        page = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    status, headers, exc_info = answer
    ours = f'<script defer src="{SCRIPT}"></script>'.encode()
    page = page.replace(STOCK_SCRIPT, ours + STOCK_SCRIPT)
    for name in ("Last-Modified", "Accept-Ranges", "ETag"):
        del headers[name]
    headers["Content-Length"] = str(len(page))
    start_response(status, headers.items(), exc_info)
    return [page]


class NoUploads:
    """What optuna-dashboard is given as its store of files, so that it lists ours.

    An artifact store as ``optuna.artifacts`` describes it.
    """

    def open_reader(self, artifact_id: str) -> BinaryIO:
        from optuna.artifacts.exceptions import ArtifactNotFound

        raise ArtifactNotFound(artifact_id)

    def write(self, artifact_id: str, content_body: Any) -> None:
        raise NotImplementedError("Nothing is uploaded through the dashboard.")

    def remove(self, artifact_id: str) -> None:
        """A deleted study's files go with its folder."""
