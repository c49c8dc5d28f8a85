"""Creates trials within a study's budget: numbers, and rows in Optuna's tables and ours.

All functions need the study's lock, so that trial numbers are allocated one by one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from storage import progress
from storage.database import schema, study_rows
from storage.database.engine import Store
from storage.database.insert import insert_row


def next_trial(store: Store, c: Connection, row: sa.Row[Any]) -> int | None:
    """Returns the id of a new trial, or None if the budget is used.

    A trial that was enqueued with Optuna's own ``enqueue_trial`` is taken first.

    Args:
        store: The database.
        c: A transaction that holds the study's lock.
        row: The study's row in our table.
    """
    _lock(c, row.study_id)
    while True:
        count, waiting = _survey(store, c, row)
        if waiting is None:
            return create(c, row.study_id, count) if count < row.budget else None
        if _adopt(c, row.study_id, waiting):
            return waiting


def _survey(store: Store, c: Connection, row: sa.Row[Any]) -> tuple[int, int | None]:
    """Returns the number of trials, and the id of the first one in Optuna's own queue.

    Ids only grow, and a trial that left the queue never returns to it. So each process counts only
    trials that are new since its last call: claims do not get slower with the number of trials.
    """
    trial = schema.optuna_trials.c
    last, count = store.surveyed.get(row.uuid, (0, 0))
    query = sa.select(trial.trial_id, trial.state).where(
        trial.study_id == row.study_id, trial.trial_id > last
    )
    new = c.execute(query.order_by(trial.trial_id)).all()
    waiting = next((i for i, t in enumerate(new) if t.state is TrialState.WAITING), None)
    settled = new[:waiting]  # up to the first that waits, which has to be looked at again
    if settled:
        store.surveyed[row.uuid] = settled[-1].trial_id, count + len(settled)
    return count + len(new), None if waiting is None else new[waiting].trial_id


def _adopt(c: Connection, study_id: int, trial_id: int) -> bool:
    """Takes a trial from Optuna's queue; False if another program has just taken it."""
    trial = schema.optuna_trials
    update = trial.update().where(trial.c.trial_id == trial_id, trial.c.state == TrialState.WAITING)
    result = c.execute(update.values(state=TrialState.RUNNING, datetime_start=_utc_now()))
    if result.rowcount == 1:
        _insert_our_rows(c, study_id, trial_id)
    return result.rowcount == 1


def next_number(c: Connection, study_id: int) -> int:
    """Returns the number of the next trial; no other program can create one before the commit.

    Optuna locks its own row of the study when it creates a trial, also in ``enqueue_trial``.
    """
    _lock(c, study_id)
    return progress.count(c, study_id)


def _lock(c: Connection, study_id: int) -> None:
    study = schema.optuna_studies
    query = sa.select(study.c.study_id).where(study.c.study_id == study_id)
    c.execute(
        query.with_for_update(key_share=True)
    )  # does not block inserts of rows that refer to it


def create(c: Connection, study_id: int, number: int) -> int:
    """Creates a trial that waits for a worker; the caller holds the study's lock.

    Args:
        c: The transaction.
        study_id: Optuna's id of the study.
        number: See ``next_number``.

    Returns:
        Optuna's id of the trial.
    """
    trial_id = insert_row(
        c,
        schema.optuna_trials,
        number=number,
        study_id=study_id,
        state=TrialState.RUNNING,
        datetime_start=_utc_now(),
    )
    _insert_our_rows(c, study_id, trial_id)
    return trial_id


def _insert_our_rows(c: Connection, study_id: int, trial_id: int) -> None:
    # Foreign keys are off by default in SQLite: if another program deletes a study there, our rows
    # remain, and SQLite reuses the ids of its trials for any study.
    stale = sa.select(schema.leases.c.trial_id).where(schema.leases.c.trial_id == trial_id)
    if c.execute(stale).first() is not None:
        study_rows.delete_own_of_trial(c, trial_id)
    c.execute(
        schema.leases.insert().values(
            trial_id=trial_id, study_id=study_id, state="waiting", token=0, losses=0, epoch=0
        )
    )
    c.execute(schema.trials.insert().values(trial_id=trial_id, study_id=study_id))


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)  # as Optuna stores times
