"""How a request is refused: one line, on the JSON interface in optuna-dashboard's own form."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Scope

from storage.errors import StoreError

SAFE_METHODS = frozenset({"GET", "HEAD"})  # these change nothing on the server
BAD_REQUEST, UNAVAILABLE = 400, 503


def refuse(
    scope: Scope, status: int, reason: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A response that says why not.

    Args:
        scope: Of the request.
        reason: One line for a person.
    """
    if scope["path"].startswith("/api/"):
        return JSONResponse({"reason": reason}, status, headers)
    return PlainTextResponse(f"{reason}\n", status, headers)


def is_safe(scope: Scope) -> bool:
    """Whether a request only reads; methods count in upper case, as Bottle reads them too."""
    return str(scope["method"]).upper() in SAFE_METHODS


def refused(request: Request, error: Exception) -> Response:
    """Answers for whatever refused a request by raising."""
    assert isinstance(error, HTTPException)
    return refuse(request.scope, error.status_code, error.detail, error.headers)


def gone(_request: Request, _error: Exception) -> Response:
    """Answers nobody: the client has gone, which is no error of ours."""
    return Response(status_code=BAD_REQUEST)


def away(request: Request, error: Exception) -> Response:
    """Answers while the store does not."""
    return refuse(request.scope, UNAVAILABLE, store_away(error))


def store_away(error: Exception) -> str:
    """Why the store does not answer; Optuna's word for that tells only its own statement."""
    ours = isinstance(error, StoreError)
    return str(error) if ours else "Expected the store to answer. Try again in a moment."
