"""Claiming a trial: one without a live worker, else one that rests, else a new one.

A claim is one short transaction that locks the study's row. Trial numbers are therefore allocated
one by one, and N trials asked for are exactly N trials.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage import allocation, leases, lost_workers, resting, stopping, studies
from storage.database import schema
from storage.database.engine import Store
from storage.leases import Checkpoint, Claim
from storage.studies import Study


@dataclass(frozen=True, kw_only=True)
class NoTrialYet:
    """There is no trial to run now: ask again later. ``reason`` is a text for users."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class StudyOver:
    """The study is stopped or finished: the worker can exit."""

    state: str
    reason: str | None


def claim(store: Store, study: Study, worker_id: str) -> Claim | NoTrialYet | StudyOver:
    """Grants a lease on the next trial.

    It is one without a live worker if there is one, else a resting one that deserves to be resumed,
    else a new one.

    Args:
        store: The database.
        study: The study to work on.
        worker_id: The worker that asks.

    Returns:
        The lease, or why there is none now (``NoTrialYet``) or for good (``StudyOver``).

    Raises:
        StudyGone: The study was deleted.
    """
    with store.write() as c:
        row = studies.lock(c, study)
        # The cheap limits first. Whether the budget is used is found out below, by looking for a
        # trial: asking for it here too would double the queries of every claim.
        state, reason = stopping.conclude(store, c, study, row, count=False)
        if state in (studies.STOPPED, studies.FINISHED):
            return StudyOver(state=state, reason=reason)
        if state == studies.PAUSED:
            return NoTrialYet(reason="the study is paused")
        lost_workers.end_hopeless(store, c, study)
        # A grant fails only if the old holder renews its lease between the two statements:
        # renewals do not take the study's lock. Then the next abandoned trial is tried.
        while (trial_id := _abandoned_trial(store, c, row.study_id)) is not None:
            granted = _grant(store, c, study, trial_id, worker_id)
            if granted is not None:
                return granted
        if (trial_id := resting.promotable(c, row.study_id)) is None:
            trial_id = allocation.next_trial(store, c, row)
        if trial_id is not None:
            granted = _grant(store, c, study, trial_id, worker_id)
            assert granted is not None  # only with the study's lock can another one be granted it
            return granted
        state, reason = stopping.conclude(store, c, study, row)
        if state == studies.FINISHED:
            return StudyOver(state=state, reason=reason)
        return NoTrialYet(reason="other workers have the last trials")


def _abandoned_trial(store: Store, c: Connection, study_id: int) -> int | None:
    """Id of the first trial that was given back or whose lease has expired; None if none."""
    lease = schema.leases.c
    query = (
        sa.select(lease.trial_id)
        .where(
            lease.study_id == study_id,
            lease.state.in_(("leased", "waiting")),  # lets the index skip ended trials
            sa.or_(lease.state == "waiting", leases.expired(store)),
        )
        .order_by(lease.trial_id)
        .limit(1)
    )
    trial_id: int | None = c.execute(query).scalar()
    return trial_id


def _grant(
    store: Store, c: Connection, study: Study, trial_id: int, worker_id: str
) -> Claim | None:
    """Gives the lease of a trial to a worker; None if its old holder has just renewed it."""
    lease = schema.leases.c
    free = lease.state.in_(("waiting", "resting"))
    # The condition is checked again by the UPDATE itself: compare and swap, in one statement.
    update = (
        schema.leases.update()
        .where(lease.trial_id == trial_id, sa.or_(free, leases.expired(store)))
        .ordered_values(
            # MySQL assigns from left to right: ``losses`` must see the old ``state``.
            (lease.losses, lease.losses + sa.case((lease.state == "leased", 1), else_=0)),
            (lease.state, "leased"),
            (lease.worker_id, worker_id),
            (lease.token, lease.token + 1),
            (lease.expires_at, store.now + study.lease_seconds),
        )
    )
    if c.execute(update).rowcount != 1:
        return None
    row = c.execute(
        sa.select(
            schema.leases,
            schema.optuna_trials.c.number,
            schema.trials.c.hyperparameters,
            schema.trials.c.seconds,
        )
        .join(schema.optuna_trials, schema.optuna_trials.c.trial_id == lease.trial_id)
        .join(schema.trials, schema.trials.c.trial_id == lease.trial_id)
        .where(lease.trial_id == trial_id)
    ).one()
    if row.token > 1:
        leases.end_attempt(
            store, c, trial_id, "lost"
        )  # no effect if it was given back or rested: it has ended
    c.execute(
        schema.attempts.insert().values(
            trial_id=trial_id,
            token=row.token,
            study_id=study.study_id,
            worker_id=worker_id,
            started_at=store.now,
        )
    )
    return Claim(
        study=study,
        trial_id=trial_id,
        number=row.number,
        worker_id=worker_id,
        token=row.token,
        epoch=row.epoch,
        checkpoints=tuple(Checkpoint(**fields) for fields in json.loads(row.checkpoints or "[]")),
        hyperparameters=json.loads(row.hyperparameters) if row.hyperparameters else None,
        seconds=row.seconds or 0.0,
    )
