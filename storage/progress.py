"""Queries on the progress of a study, for use inside a transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from storage.database import schema

OVER = ("ended", "resting")  # states in which a trial counts for limits: most rest for good


def count(c: Connection, study_id: int) -> int:
    """Returns the number of trials, which is also the number of the next one."""
    query = sa.select(sa.func.count()).where(schema.optuna_trials.c.study_id == study_id)
    return c.execute(query).scalar_one()


def unended(c: Connection, study_id: int) -> bool:
    """Whether a trial is leased, waits for a worker, or is in Optuna's own queue."""
    lease, trial = schema.leases.c, schema.optuna_trials.c
    ours = sa.select(lease.trial_id).where(
        lease.study_id == study_id, lease.state.in_(("leased", "waiting"))
    )
    queued = sa.select(trial.trial_id).where(
        trial.study_id == study_id, trial.state == TrialState.WAITING
    )
    return any(c.execute(query.limit(1)).first() is not None for query in (ours, queued))


def best(c: Connection, study_id: int) -> float:
    """Returns the lowest value of an ended or resting trial; infinity if none.

    Values are times the study's sign: lower is better.
    """
    lease = schema.leases.c
    query = sa.select(sa.func.min(lease.best_value)).where(
        lease.study_id == study_id, lease.state.in_(OVER)
    )
    value = c.execute(query).scalar()
    return float("inf") if value is None else value


def stale(c: Connection, study_id: int) -> int:
    """Returns how many trials ended, or rest, since the best one did; 0 if none had a value."""
    ended = _ended(study_id).subquery()
    query = (
        sa.select(ended.c.ended_at)
        .where(ended.c.best_value.is_not(None))
        .order_by(ended.c.best_value, ended.c.ended_at)
    )
    best_ended_at = c.execute(query.limit(1)).scalar()
    if best_ended_at is None:
        return 0
    later = sa.select(sa.func.count()).select_from(ended).where(ended.c.ended_at > best_ended_at)
    return c.execute(later).scalar_one()


def _ended(study_id: int) -> sa.Select[Any]:
    """Selects best value and time of end of all trials that ended or rest."""
    lease, trial, attempt = schema.leases.c, schema.trials.c, schema.attempts.c
    last_attempt = sa.and_(attempt.trial_id == lease.trial_id, attempt.token == lease.token)
    return (
        sa.select(
            lease.best_value, sa.func.coalesce(trial.ended_at, attempt.ended_at).label("ended_at")
        )
        .join(schema.trials, trial.trial_id == lease.trial_id)
        .outerjoin(schema.attempts, last_attempt)
        .where(lease.study_id == study_id, lease.state.in_(OVER))
    )
