"""What goes into the store of a trial that did not go all its way."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from search_spaces.user_code.isolation import original
from storage.outcomes import Failure, Outcome
from tuner.errors import gist

if TYPE_CHECKING:
    from tuner.training.loop import TrainingResult


def failed_outcome(kind: str, error: BaseException) -> Outcome:
    """A failed trial; of our own errors the message says it all."""
    error = original(error)
    name = f"{type(error).__name__}: " if kind == "error" else ""
    line = f"{name}{gist(error)}"
    trace = "".join(traceback.format_exception(error)) if kind == "error" else None
    return Outcome(state="failed", failure=Failure(kind=kind, message=line, traceback=trace))


def incomplete_failure(result: TrainingResult, *, timed_out: bool) -> Failure | None:
    """Why a trial did not go all its way, where neither pruning nor its end was the reason."""
    if result.status == "diverged":
        return Failure(
            kind="diverged", message=f"the loss was not finite after epoch {result.epochs}"
        )
    if timed_out:
        return Failure(
            kind="timeout", message=f"the time limit was reached after epoch {result.epochs}"
        )
    if result.status == "ended" and result.best_value is None:
        return Failure(kind="ended", message="ended before its first epoch")
    return None
