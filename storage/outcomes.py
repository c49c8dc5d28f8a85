"""Outcomes: how a trial ended, and writing it to Optuna's tables and ours."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from storage.database import schema, text
from storage.database.engine import Store
from storage.database.insert import insert_once
from storage.optuna import tables

State = Literal["complete", "pruned", "failed"]
FailureKind = Literal[
    "lost",  # its worker died, again and again
    "out_of_memory",
    "diverged",  # the loss became NaN or infinite
    "oversized",  # refused before training
    "infeasible",  # refused before training: it violates a constraint
    "timeout",
    "error",  # the user's code raised
    "ended",  # by hand, before its first epoch
    "unsaved",  # complete, but without its model file
]

# Failures that follow from the hyperparameters: constraints make samplers avoid them.
INFEASIBLE: frozenset[str] = frozenset(
    {"out_of_memory", "diverged", "oversized", "infeasible", "timeout"}
)

DIED = "its worker ended with"  # prefix of a failure's message if the worker crashed by itself

MAX_SHOWN = 4_000  # last characters of a traceback in Optuna's dashboard: JSON escapes fill a TEXT

OPTUNA_STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a trial could not finish.

    Attributes:
        kind: One of ``FailureKind``.
        message: One line.
        traceback: Traceback of the user's code, or None; only the end of a long one is stored.
    """

    kind: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A trial's end.

    Attributes:
        state: ``"complete"``, ``"pruned"`` or ``"failed"``.
        value: The objective; None if the trial never had a value, and for a pruned trial of a study
            with several objectives, because Optuna stores values of all objectives or of none.
        further: Values of further objectives, in their order; for a complete trial only.
        metrics: Metrics of the best epoch by name.
        seconds: Training time, over all attempts.
        model: Path or URL of the model file.
        model_sha256: SHA-256 of its bytes, hexadecimal.
        path: Which training path was taken (the fast one or a slower one), and why.
        failure: For a failed trial, and for a complete one that was cut short.
        constraints: By how much it violates each constraint of the study, above 0 where it does.
    """

    state: State
    value: float | None = None
    further: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    model: str | None = None
    model_sha256: str | None = None
    path: str | None = None
    failure: Failure | None = None
    constraints: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = self.value is None and self.state == "complete"
        if missing or not all(math.isfinite(v) for v in (self.value or 0.0, *self.further)):
            received = ", ".join(map(str, (self.value, *self.further)))
            raise ValueError(
                f"Expected a finite value of a {self.state} trial. Received: {received}"
            )


def ended_by_hand(value: float | None, *, several: bool = False) -> Outcome:
    """Returns the outcome of a trial that a user ended.

    Args:
        value: Its best value so far; None without a finished epoch.
        several: Whether its study has several objectives: see ``Outcome.value``.
    """
    if value is not None:
        return Outcome(state="pruned", value=None if several else value)
    failure = Failure(kind="ended", message="ended by hand before its first epoch")
    return Outcome(state="failed", failure=failure)


def write(c: Connection, store: Store, trial_id: int, outcome: Outcome) -> None:
    """Writes the end of a trial: Optuna's row with values and attributes, and our row.

    The caller holds the study's lock and the trial's lease.
    """
    c.execute(
        schema.optuna_trials.update()
        .where(schema.optuna_trials.c.trial_id == trial_id)
        .values(
            state=OPTUNA_STATES[outcome.state],
            datetime_complete=datetime.now(UTC).replace(tzinfo=None),
        )
    )
    if outcome.value is not None and outcome.state != "failed":
        for objective, value in enumerate((outcome.value, *outcome.further)):
            c.execute(
                schema.optuna_values.insert().values(
                    trial_id=trial_id,
                    objective=objective,
                    value=value,
                    value_type=tables.FINITE,
                )
            )
    _write_constraints(c, trial_id, outcome)
    if outcome.failure is not None:
        _write_failure(c, trial_id, outcome.failure)
    c.execute(
        schema.trials.update()
        .where(schema.trials.c.trial_id == trial_id)
        .values(**_record(store, outcome))
    )


def write_interim(c: Connection, trial_id: int, outcome: Outcome) -> None:
    """Writes what is known of a trial that rests; it is the outcome unless the trial goes on.

    The caller holds the study's lock and the trial's lease.
    """
    c.execute(
        schema.trials.update()
        .where(schema.trials.c.trial_id == trial_id)
        .values(
            seconds=outcome.seconds,
            metrics=json.dumps(dict(outcome.metrics)),
            path=outcome.path,
        )
    )
    _write_constraints(c, trial_id, outcome)


def _record(store: Store, outcome: Outcome) -> dict[str, Any]:
    failure = outcome.failure
    return {
        "ended_at": store.now,
        "seconds": sa.func.coalesce(outcome.seconds, schema.trials.c.seconds),
        "metrics": json.dumps(dict(outcome.metrics)),
        "model": outcome.model,
        "model_sha256": outcome.model_sha256,
        "path": outcome.path,
        "failure_kind": failure and failure.kind,
        "failure_message": failure and text.line(failure.message),
        "failure_traceback": failure and failure.traceback and text.tail(failure.traceback),
    }


def _write_failure(c: Connection, trial_id: int, failure: Failure) -> None:
    """Writes a failure to the trial's attributes, for Optuna's dashboard."""
    attempt, worker = _last_holder(c, trial_id)
    texts = {
        "failure": failure.kind,
        "failure_message": text.line(failure.message),
        "failure_traceback": failure.traceback and text.tail(failure.traceback)[-MAX_SHOWN:],
        "failure_attempt": attempt,
        "failure_worker": worker,
    }
    rows = [
        {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        for key, value in texts.items()
        if value
    ]
    insert_once(c, schema.optuna_trial_attributes, rows)  # a parameter may have the same name


def _write_constraints(c: Connection, trial_id: int, outcome: Outcome) -> None:
    """Writes what samplers learn of where trials are possible, as Optuna's own constraints."""
    margins = dict(outcome.constraints)
    failure = outcome.failure
    if outcome.state == "failed" and failure is not None and failure.kind in INFEASIBLE:
        margins[failure.kind] = 1.0
    rows = [
        {"trial_id": trial_id, "key": f"constraints:{name}", "value_json": json.dumps(margin)}
        for name, margin in margins.items()
    ]
    # A trial that rested has them already; they follow from its hyperparameters.
    insert_once(c, schema.optuna_trial_system_attributes, rows)


def _last_holder(c: Connection, trial_id: int) -> tuple[int, str | None]:
    """Returns how often the trial was claimed, and the worker that had it last."""
    lease, worker = schema.leases.c, schema.workers.c
    query = (
        sa.select(lease.token, worker.host, worker.pid)
        .select_from(schema.leases)
        .outerjoin(schema.workers, worker.worker_id == lease.worker_id)
        .where(lease.trial_id == trial_id)
    )
    row = c.execute(query).one()
    return row.token, None if row.host is None else f"{row.host}:{row.pid}"
