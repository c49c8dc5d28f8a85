"""How far a study is: what its trials have come to, asked inside a transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from storage import schema


def count(c: Connection, study_id: int) -> int:
    """How many trials the study has: the number of the next one."""
    query = sa.select(sa.func.count()).where(schema.optuna_trials.c.study_id == study_id)
    return c.execute(query).scalar_one()


def unended(c: Connection, study_id: int) -> bool:
    """Whether a trial is leased, waits for a worker, or stands in Optuna's own queue."""
    lease, trial = schema.leases.c, schema.optuna_trials.c
    ours = sa.select(lease.trial_id).where(
        lease.study_id == study_id, lease.state.in_(("leased", "waiting"))
    )
    queued = sa.select(trial.trial_id).where(
        trial.study_id == study_id, trial.state == TrialState.WAITING
    )
    return any(c.execute(query.limit(1)).first() is not None for query in (ours, queued))


def best(c: Connection, study_id: int) -> float:
    """The lowest value of an ended trial; infinite without any."""
    lease = schema.leases.c
    query = sa.select(sa.func.min(lease.best_value)).where(
        lease.study_id == study_id, lease.state == "ended"
    )
    found = c.execute(query).scalar()
    return float("inf") if found is None else found


def stale(c: Connection, study_id: int) -> int:
    """Trials that ended since the best one did; 0 as long as none had a value."""
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
    """Best value and end of each trial that ended."""
    lease, trial = schema.leases.c, schema.trials.c
    return (
        sa.select(lease.best_value, trial.ended_at)
        .join(schema.trials, trial.trial_id == lease.trial_id)
        .where(lease.study_id == study_id, lease.state == "ended")
    )
