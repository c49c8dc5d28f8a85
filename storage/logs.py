"""Logs: what workers printed during a trial, stored in the database to be read from anywhere."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage import studies
from storage.database import schema
from storage.database import text as texts
from storage.database.engine import Store
from storage.leases import Claim
from storage.studies import Study

MAX_ENTRIES = 50  # per trial


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """Lines that a worker printed.

    Attributes:
        trial: The trial's number.
        attempt: Number of the attempt, from 1.
        printed_at: Seconds since 1970.
    """

    trial: int
    attempt: int
    printed_at: float
    text: str


def append(store: Store, claim: Claim, text: str) -> None:
    """Adds an entry to a trial's log; above ``MAX_ENTRIES`` the oldest ones are deleted.

    Does nothing if the trial was taken over or deleted: that is no reason for an error here.
    """
    if not text.strip():
        return
    lease = schema.leases.c
    still_ours = sa.select(lease.trial_id).where(
        lease.trial_id == claim.trial_id,
        lease.token == claim.token,
        studies.same_study(claim.study.study_id, claim.study.uuid),
    )
    # IntegrityError: another program has just deleted the trial.
    with suppress(sa.exc.IntegrityError), store.write() as c:
        if c.execute(still_ours).first() is not None:
            _add(store, c, claim, text)


def _add(store: Store, c: Connection, claim: Claim, text: str) -> None:
    log = schema.logs.c
    c.execute(
        schema.logs.insert().values(
            trial_id=claim.trial_id,
            token=claim.token,
            printed_at=store.now,
            text=texts.tail(text),
        )
    )
    entries = sa.select(log.log_id).where(log.trial_id == claim.trial_id)
    newest = c.execute(entries.order_by(log.log_id.desc())).scalars().all()
    if len(newest) > MAX_ENTRIES:
        c.execute(schema.logs.delete().where(log.log_id.in_(newest[MAX_ENTRIES:])))


def read(store: Store, study: Study, number: int | None = None) -> list[LogEntry]:
    """Returns the log of one trial, or of all trials of a study, in order."""
    log, trial = schema.logs.c, schema.optuna_trials.c
    query = (
        sa.select(trial.number, log.token, log.printed_at, log.text)
        .select_from(schema.logs)
        .join(schema.optuna_trials, trial.trial_id == log.trial_id)
        .where(trial.study_id == study.study_id)
        .order_by(log.log_id)
    )
    if number is not None:
        query = query.where(trial.number == number)
    with store.read() as c:
        rows = c.execute(query).all()
    return [
        LogEntry(trial=row.number, attempt=row.token, printed_at=row.printed_at, text=row.text)
        for row in rows
    ]
