"""What the dashboard says beside each trial: who had it, how it went, why it failed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from storage import schema
from storage.engine import Store
from storage.outcomes import Failure
from storage.studies import Study

MOST_NAMED = 500  # trials that one query names; for more, all of a study are read


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A trial in few words.

    Attributes:
        worker: Host and process that have or had it last; None before the first claim.
        attempts: How often it was claimed.
        epochs: Finished ones.
        value: Best objective so far, at ``best_epoch``.
        failure: Without its traceback.
        model: Where its model file lies.
    """

    number: int
    worker: str | None
    attempts: int
    epochs: int
    value: float | None
    best_epoch: int | None
    failure: Failure | None
    model: str | None


def captions(
    store: Store, study: Study, trial_ids: Collection[int] | None = None
) -> dict[int, Caption]:
    """Captions by trial id, of these trials or of all.

    A trial that was not made here has none.
    """
    query = _select(study).where(schema.trials.c.study_id == study.study_id)
    if trial_ids is not None and len(trial_ids) <= MOST_NAMED:
        query = query.where(schema.trials.c.trial_id.in_(trial_ids))
    with store.read() as c:
        rows = c.execute(query).all()
    return {row.trial_id: _caption(row) for row in rows}


def failures(store: Store, study: Study, *, count: int) -> list[Caption]:
    """The last trials that failed or ended early, the newest first; at most ``count``."""
    trial = schema.trials.c
    query = (
        _select(study)
        .where(trial.study_id == study.study_id, trial.failure_kind.is_not(None))
        .order_by(trial.ended_at.desc(), schema.optuna_trials.c.number.desc())
        .limit(count)
    )
    with store.read() as c:
        return [_caption(row) for row in c.execute(query).all()]


def with_model(store: Store, study: Study) -> frozenset[int]:
    """The ids of the trials whose model file is kept."""
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
            lease.token,
            lease.epoch,
            (study.sign * lease.best_value).label("value"),
            lease.best_epoch,
            worker.host,
            worker.pid,
        )
        .select_from(schema.trials)
        .join(schema.optuna_trials, schema.optuna_trials.c.trial_id == trial.trial_id)
        .join(schema.leases, lease.trial_id == trial.trial_id)
        .outerjoin(schema.workers, worker.worker_id == lease.worker_id)
    )


def _caption(row: sa.Row[Any]) -> Caption:
    failure = None
    if row.failure_kind is not None:
        failure = Failure(kind=row.failure_kind, message=row.failure_message)
    return Caption(
        number=row.number,
        worker=None if row.host is None else f"{row.host.partition('.')[0]}:{row.pid}",
        attempts=row.token,
        epochs=row.epoch,
        value=row.value,
        best_epoch=row.best_epoch,
        failure=failure,
        model=row.model,
    )
