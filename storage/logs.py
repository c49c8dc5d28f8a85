"""What workers printed for a trial, kept in the store so that it can be read from anywhere."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage import schema, studies
from storage import text as texts
from storage.engine import Store
from storage.leases import Claim
from storage.studies import Study

MAX_ENTRIES = 50  # of one trial


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """Some lines that a worker printed.

    Attributes:
        trial: The trial's number.
        attempt: Which of its attempts.
        printed_at: Seconds since 1970.
    """

    trial: int
    attempt: int
    printed_at: float
    text: str


def append(store: Store, claim: Claim, text: str) -> None:
    """Adds what was printed since the last time; the oldest entries give way.

    Nothing is added where the trial was taken over or deleted: a log is not worth an error.
    """
    if not text.strip():
        return
    lease = schema.leases.c
    mine = sa.select(lease.trial_id).where(
        lease.trial_id == claim.trial_id,
        lease.token == claim.token,
        studies.genuine(claim.study.study_id, claim.study.uuid),
    )
    # IntegrityError: deleted by another program at this very moment.
    with suppress(sa.exc.IntegrityError), store.write() as c:
        if c.execute(mine).first() is not None:
            _add(store, c, claim, text)


def _add(store: Store, c: Connection, claim: Claim, text: str) -> None:
    log = schema.logs.c
    c.execute(
        schema.logs.insert().values(
            trial_id=claim.trial_id,
            token=claim.token,
            printed_at=store.now,
            text=texts.end(text),
        )
    )
    entries = sa.select(log.log_id).where(log.trial_id == claim.trial_id)
    newest = c.execute(entries.order_by(log.log_id.desc())).scalars().all()
    if len(newest) > MAX_ENTRIES:
        c.execute(schema.logs.delete().where(log.log_id.in_(newest[MAX_ENTRIES:])))


def read(store: Store, study: Study, number: int | None = None) -> list[LogEntry]:
    """What was printed for one trial, or for all of a study, in order."""
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
