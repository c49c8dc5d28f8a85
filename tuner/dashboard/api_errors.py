"""Answers for errors of optuna-dashboard's views, which make an internal error of each."""

from __future__ import annotations

import errno
import functools
import inspect
import json
import logging
from collections.abc import Callable
from typing import Any

from bottle import HTTPResponse, response
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError

from storage.errors import StoreError
from tuner.control_characters import escape
from tuner.dashboard.refusal import BAD_REQUEST, UNAVAILABLE, store_away
from tuner.errors import LONGEST_LINE, one_line, shorten

NOT_FOUND, DEFECT = 404, 500

logger = logging.getLogger(__name__)

View = Callable[..., Any]


def answer_errors(view: View) -> View:
    """A plugin of Bottle: wraps a view so that its errors are answered by what they mean.

    The view's own wrapper is left out, which would answer all of them in the same way.
    """
    plain, speaks_json = inspect.unwrap(view), hasattr(view, "__wrapped__")

    @functools.wraps(plain)
    def answered(*parts: Any, **named: Any) -> Any:
        if speaks_json:
            response.content_type = "application/json"
        try:
            return plain(*parts, **named)
        except HTTPResponse as e:
            if not speaks_json or e.status_code < BAD_REQUEST:
                raise
            return _answer(e.status_code, str(e.body))
        except Exception as e:
            return _answer(*_meaning(e))

    return answered


def _meaning(error: Exception) -> tuple[int, str]:
    """The status of an error, and its reason."""
    too_long = isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG
    if too_long or isinstance(error, (KeyError, ArtifactNotFound)):
        return NOT_FOUND, "Expected a study, a trial or a file that exists."
    if isinstance(error, (StoreError, StorageInternalError)):
        return UNAVAILABLE, store_away(error)
    if isinstance(error, UpdateFinishedTrialError):
        return BAD_REQUEST, "Expected a trial that is not finished."
    if isinstance(error, ImportError):
        return NOT_FOUND, shorten(f"Expected an installed package: {error}.", LONGEST_LINE)
    if isinstance(error, (ValueError, ArithmeticError)):  # of trials that are all alike, too
        return BAD_REQUEST, f"Expected values that make sense here. Received: {one_line(error)}"
    logger.error("internal error", exc_info=error)
    return DEFECT, "internal server error"


def _answer(status: int, reason: str) -> str:
    response.status, response.content_type = status, "application/json"
    return json.dumps({"reason": escape(reason)})
