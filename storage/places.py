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
from storage.engine import Store
from storage.insert import insert_row


def following(store: Store, c: Connection, row: sa.Row[Any]) -> int | None:
    """The study's next trial, if its budget has a place for it.

    One that somebody enqueued with Optuna's own ``enqueue_trial`` goes first.
    """
    _lock(c, row.study_id)
    while True:
        seen, waiting = _survey(store, c, row)
        if waiting is None:
            return create(c, row.study_id, seen) if seen < row.budget else None
        if _adopt(c, row.study_id, waiting):
            return waiting


def _survey(store: Store, c: Connection, row: sa.Row[Any]) -> tuple[int, int | None]:
    """How many trials there are, and the first that waits in Optuna's own queue.

    Trials come one by one and never wait again: what was looked at once is not looked at again,
    or a claim would take the longer the more trials there are.
    """
    trial = schema.optuna_trials.c
    last, count = store.surveyed.get(row.uuid, (0, 0))
    query = sa.select(trial.trial_id, trial.state).where(
        trial.study_id == row.study_id, trial.trial_id > last
    )
    later = c.execute(query.order_by(trial.trial_id)).all()
    waiting = next((i for i, t in enumerate(later) if t.state is TrialState.WAITING), None)
    known = later[:waiting]
    if known:
        store.surveyed[row.uuid] = known[-1].trial_id, count + len(known)
    return count + len(later), None if waiting is None else later[waiting].trial_id


def _adopt(c: Connection, study_id: int, trial_id: int) -> bool:
    """Makes a trial ours, unless another program took it at this very moment."""
    trial = schema.optuna_trials
    ours = trial.update().where(trial.c.trial_id == trial_id, trial.c.state == TrialState.WAITING)
    begun = c.execute(ours.values(state=TrialState.RUNNING, datetime_start=_utc_now()))
    if begun.rowcount == 1:
        _insert_ours(c, study_id, trial_id)
    return begun.rowcount == 1


def next_number(c: Connection, study_id: int) -> int:
    """The number of the study's next trial; nobody else makes one until the transaction ends.

    Optuna takes the lock on its own row of the study when it makes a trial, ``enqueue_trial``
    of another program too.
    """
    _lock(c, study_id)
    return progress.count(c, study_id)


def _lock(c: Connection, study_id: int) -> None:
    study = schema.optuna_studies
    query = sa.select(study.c.study_id).where(study.c.study_id == study_id)
    c.execute(query.with_for_update(key_share=True))  # rows that refer to it are not held up


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
