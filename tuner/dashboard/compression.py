"""Sends JSON compressed, and not at all where the browser has it already.

A page asks for its study every ten seconds, mostly to learn that nothing has changed.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from typing import Any
from wsgiref.headers import Headers
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tuner.dashboard import wsgi
from tuner.dashboard.wsgi import Header

# 1,000 trials with 20 values each are 2.2 MB of JSON. Level 1 makes 354 kB of them in 8 ms,
# level 3 317 kB in 10 ms, level 6 273 kB in 20 ms; building them takes 146 ms.
LEVEL = 3
SMALL, SMALL_LEVEL = 1 << 16, 9  # bytes; what changed since the last poll is packed well
SMALLEST = 1024  # bytes; less is not worth the call
TYPES = ("application/json", "text/csv")


class Compression:
    """Compresses JSON and CSV answers to GET, and answers 304 where nothing has changed.

    The application must call ``start_response`` before it returns, as Bottle does.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # optuna-dashboard looks this header up without a default.
        accepted = environ.setdefault("HTTP_ACCEPT_ENCODING", "")
        answer = _Answer()
        chunks = self._app(environ, answer.start)
        if not answer.is_data() or wsgi.method(environ) != "GET":
            start_response(answer.status, answer.headers.items(), answer.exc_info)
            return chunks
        body = _joined(chunks)
        tag = f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
        answer.headers["ETag"] = tag
        varies = answer.headers["Vary"]
        answer.headers["Vary"] = f"{varies}, Accept-Encoding" if varies else "Accept-Encoding"
        if tag in environ.get("HTTP_IF_NONE_MATCH", ""):
            return _not_modified(start_response, answer.headers)
        if "gzip" in accepted and len(body) >= SMALLEST:
            body = gzip.compress(body, SMALL_LEVEL if len(body) < SMALL else LEVEL, mtime=0)
            answer.headers["Content-Encoding"] = "gzip"
        answer.headers["Content-Length"] = str(len(body))
        start_response(answer.status, answer.headers.items(), answer.exc_info)
        return [body]


class _Answer:
    """Holds status and headers back until the body is known."""

    def __init__(self) -> None:
        self.status = ""
        self.headers = Headers()
        self.exc_info: Any = None

    def start(self, status: str, headers: list[Header], exc_info: Any = None, /) -> Any:
        self.status, self.headers, self.exc_info = status, Headers(list(headers)), exc_info
        return _write

    def is_data(self) -> bool:
        """Whether it is a successful answer with text that compresses well."""
        kind = (self.headers["Content-Type"] or "").partition(";")[0]
        return self.status.startswith("200") and kind in TYPES


def _write(_data: bytes) -> None:
    raise NotImplementedError("Expected an application that returns its body.")


def _joined(chunks: Iterable[bytes]) -> bytes:
    try:
        return b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _not_modified(start_response: StartResponse, headers: Headers) -> Iterable[bytes]:
    del headers["Content-Length"]
    del headers["Content-Type"]
    start_response("304 Not Modified", headers.items())
    return []
