"""Annotations of trials for the dashboard: worker, progress, failure, model file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from storage import trial_writes
from storage.database import schema
from storage.database.engine import Store
from storage.outcomes import Failure
from storage.studies import Study
from storage.trial_writes import LoggedFile

MAX_IDS = 500  # trials that a query lists by id; for more it reads all of the study


@dataclass(frozen=True, kw_only=True)
class TrialAnnotation:
    """The state of a trial in a few fields.

    Attributes:
        worker: Host and process id of its last worker; None before the first claim.
        attempts: How often it was claimed.
        epochs: Finished epochs.
        value: Best objective so far, at ``best_epoch``.
        failure: Without the traceback.
        model: Path or URL of its model file.
        model_sha256: SHA-256 of its bytes; None if an older version saved it.
        files: That its code has logged.
    """

    number: int
    worker: str | None
    attempts: int
    epochs: int
    value: float | None
    best_epoch: int | None
    failure: Failure | None
    model: str | None
    model_sha256: str | None = None
    files: tuple[LoggedFile, ...] = ()


def list_annotations(
    store: Store, study: Study, trial_ids: Collection[int] | None = None
) -> dict[int, TrialAnnotation]:
    """Returns annotations by trial id, of these trials or of all.

    A trial that another program created has none.
    """
    query = _select(study).where(schema.trials.c.study_id == study.study_id)
    if trial_ids is not None and len(trial_ids) <= MAX_IDS:
        query = query.where(schema.trials.c.trial_id.in_(trial_ids))
    with store.read() as c:
        rows = c.execute(query).all()
    files = trial_writes.files(store, study)
    return {row.trial_id: _annotation(row, files.get(row.trial_id, ())) for row in rows}


def failures(store: Store, study: Study, *, count: int) -> list[TrialAnnotation]:
    """Returns the last trials that failed or ended early, newest first; at most ``count``."""
    trial = schema.trials.c
    query = (
        _select(study)
        .where(trial.study_id == study.study_id, trial.failure_kind.is_not(None))
        .order_by(trial.ended_at.desc(), schema.optuna_trials.c.number.desc())
        .limit(count)
    )
    with store.read() as c:
        return [_annotation(row) for row in c.execute(query).all()]


def with_model(store: Store, study: Study) -> frozenset[int]:
    """Returns the ids of the trials that have a model file."""
    trial = schema.trials.c
    query = sa.select(trial.trial_id).where(
        trial.study_id == study.study_id, trial.model.is_not(None)
    )
    with store.read() as c:
        return frozenset(c.scalars(query))


def _select(study: Study) -> sa.Select[Any]:
    trial, lease, worker = schema.trials.c, schema.leases.c, schema.workers.c
    return (
        sa.select(
            trial.trial_id,
            schema.optuna_trials.c.number,
            trial.failure_kind,
            trial.failure_message,
            trial.model,
            trial.model_sha256,
            lease.token,
            lease.epoch,
            study.own_sign(lease.best_value).label("value"),
            lease.best_epoch,
            worker.host,
            worker.pid,
        )
        .select_from(schema.trials)
        .join(schema.optuna_trials, schema.optuna_trials.c.trial_id == trial.trial_id)
        .join(schema.leases, lease.trial_id == trial.trial_id)
        .outerjoin(schema.workers, worker.worker_id == lease.worker_id)
    )


def _annotation(row: sa.Row[Any], files: Iterable[LoggedFile] = ()) -> TrialAnnotation:
    failure = None
    if row.failure_kind is not None:
        failure = Failure(kind=row.failure_kind, message=row.failure_message)
    return TrialAnnotation(
        number=row.number,
        worker=None if row.host is None else f"{row.host.partition('.')[0]}:{row.pid}",
        attempts=row.token,
        epochs=row.epoch,
        value=row.value,
        best_epoch=row.best_epoch,
        failure=failure,
        model=row.model,
        model_sha256=row.model_sha256,
        files=tuple(files),
    )
