"""A trial's place in the budget: its number, and its rows in Optuna's tables and ours.

Whoever makes one holds the study's lock, so that numbers are given out one by one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from storage import progress, schema, studies
from storage.insert import insert_row


def new(c: Connection, row: sa.Row[Any]) -> int | None:
    """The study's next trial, if its budget has a place for it."""
    number = next_number(c, row.study_id)
    return create(c, row.study_id, number) if number < row.budget else None


def adopt(c: Connection, study_id: int) -> int | None:
    """A trial that somebody enqueued with Optuna's own ``enqueue_trial``."""
    trial = schema.optuna_trials.c
    query = sa.select(trial.trial_id).where(
        trial.study_id == study_id, trial.state == TrialState.WAITING
    )
    trial_id: int | None = c.execute(query.order_by(trial.number).limit(1)).scalar()
    if trial_id is None:
        return None
    ours = (
        schema.optuna_trials.update()
        .where(trial.trial_id == trial_id, trial.state == TrialState.WAITING)
        .values(state=TrialState.RUNNING, datetime_start=_utc_now())
    )
    if c.execute(ours).rowcount != 1:
        return None  # somebody else took it at this very moment
    _insert_ours(c, study_id, trial_id)
    return trial_id


def next_number(c: Connection, study_id: int) -> int:
    """The number of the study's next trial; nobody else makes one until the transaction ends.

    Optuna takes the lock on its own row of the study when it makes a trial, ``enqueue_trial``
    of another program too.
    """
    study = schema.optuna_studies
    query = sa.select(study.c.study_id).where(study.c.study_id == study_id)
    c.execute(query.with_for_update(key_share=True))  # rows that refer to it are not held up
    return progress.count(c, study_id)


def create(c: Connection, study_id: int, number: int) -> int:
    """Makes a trial that waits for a worker; the caller holds the study's lock.

    Args:
        number: See ``next_number``.

    Returns:
        Optuna's id of it.
    """
    trial_id = insert_row(
        c,
        schema.optuna_trials,
        number=number,
        study_id=study_id,
        state=TrialState.RUNNING,
        datetime_start=_utc_now(),
    )
    _insert_ours(c, study_id, trial_id)
    return trial_id


def _insert_ours(c: Connection, study_id: int, trial_id: int) -> None:
    # A study that another program deleted on SQLite, where its foreign keys are off, leaves our
    # rows behind, and SQLite gives the ids of its trials again, to any study.
    stale = sa.select(schema.leases.c.trial_id).where(schema.leases.c.trial_id == trial_id)
    if c.execute(stale).first() is not None:
        studies.purge_trial(c, trial_id)
    c.execute(
        schema.leases.insert().values(
            trial_id=trial_id, study_id=study_id, state="waiting", token=0, losses=0, epoch=0
        )
    )
    c.execute(schema.trials.insert().values(trial_id=trial_id, study_id=study_id))


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)  # as Optuna keeps its times
