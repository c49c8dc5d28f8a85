"""Who may work on which trial: claim, renew, give back, finish. Here the budget is exact.

A lease is a worker's time-limited right to one trial. Its token grows with each claim, and
every write of a worker names its token: a worker that was away for too long, and whose trial
another one has taken over, is turned away (Gray and Cheriton, "Leases", SOSP 1989; the token is
a fencing token).

A claim is one short transaction that locks the study's row, so that trial numbers are given out
one by one: the number is the trial's place in the budget.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage import conclusion, outcomes, places, schema, studies
from storage.engine import Store
from storage.errors import LeaseLost
from storage.outcomes import Failure, Outcome
from storage.studies import Study

MAX_LOSSES = 5  # workers lost on one trial without a new checkpointed epoch


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A file to go on from.

    Attributes:
        path: Where it lies, a path or URL.
        sha256: Checksum of its bytes, hexadecimal.
        epoch: Finished epochs in it.
    """

    path: str
    sha256: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A lease that was granted.

    Attributes:
        number: The trial's number in its study, from 0: its place in the budget.
        token: Names this attempt in every write.
        epoch: Epochs that earlier attempts reported.
        checkpoints: What an earlier attempt left to go on from, the newest first.
        hyperparameters: Chosen by an earlier attempt; None for a trial that has none yet.
    """

    study: Study
    trial_id: int
    number: int
    worker_id: str
    token: int
    epoch: int = 0
    checkpoints: tuple[Checkpoint, ...] = ()
    hyperparameters: dict[str, Any] | None = None
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Nothing to do now: ask again. ``reason`` is for people."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Over:
    """Nothing to do any more: the study is stopped or finished."""

    state: str
    reason: str | None


class Order(Enum):
    """What a renewal brings back for the trial at hand."""

    CONTINUE = "continue"
    GIVE_BACK = "give back"  # the study is paused or stopped
    END = "end"  # the study is finished early, or the user ended this trial


def claim(store: Store, study: Study, worker_id: str) -> Claim | Wait | Over:
    """Takes the next trial: one without a live worker first, then a new one.

    Raises:
        StudyGone: The study was deleted.
    """
    with store.write() as c:
        row = studies.lock(c, study)
        state, reason = conclusion.conclude(store, c, study, row, count=False)
        if state in (studies.STOPPED, studies.FINISHED):
            return Over(state=state, reason=reason)
        if state == studies.PAUSED:
            return Wait(reason="the study is paused")
        _give_up_lost(store, c, row.study_id)
        while (trial_id := _without_worker(store, c, row.study_id)) is not None:
            granted = _grant(store, c, study, trial_id, worker_id)
            if granted is not None:
                return granted
        if (trial_id := places.following(store, c, row)) is not None:
            granted = _grant(store, c, study, trial_id, worker_id)
            assert granted is not None  # nobody else knows of it yet
            return granted
        state, reason = conclusion.conclude(store, c, study, row)
        if state == studies.FINISHED:
            return Over(state=state, reason=reason)
        return Wait(reason="other workers have the last trials")


def _expired(store: Store) -> sa.ColumnElement[bool]:
    return sa.and_(schema.leases.c.state == "leased", schema.leases.c.expires_at < store.now)


def _give_up_lost(store: Store, c: Connection, study_id: int) -> None:
    """Ends trials that took worker after worker with them."""
    lease = schema.leases.c
    hopeless = sa.and_(lease.study_id == study_id, _expired(store), lease.losses >= MAX_LOSSES - 1)
    for trial_id in c.execute(sa.select(lease.trial_id).where(hopeless)).scalars().all():
        message = f"{MAX_LOSSES} workers were lost on it without a new checkpoint"
        failure = Failure(kind="lost", message=message)
        end(store, c, trial_id, Outcome(state="failed", failure=failure), attempt="lost")


def _without_worker(store: Store, c: Connection, study_id: int) -> int | None:
    """The first trial that was given back, or whose lease ran out."""
    lease = schema.leases.c
    query = (
        sa.select(lease.trial_id)
        .where(
            lease.study_id == study_id,
            lease.state.in_(("leased", "waiting")),  # those that ended are passed over by index
            sa.or_(lease.state == "waiting", _expired(store)),
        )
        .order_by(lease.trial_id)
        .limit(1)
    )
    trial_id: int | None = c.execute(query).scalar()
    return trial_id


def _grant(
    store: Store, c: Connection, study: Study, trial_id: int, worker_id: str
) -> Claim | None:
    """Gives the lease to a worker, unless its holder renewed it at this very moment."""
    lease = schema.leases.c
    update = (
        schema.leases.update()
        .where(lease.trial_id == trial_id, sa.or_(lease.state == "waiting", _expired(store)))
        .ordered_values(
            # MySQL assigns from left to right: this must see the state of before.
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
        _end_attempt(store, c, trial_id, "lost")  # one that was given back has ended already
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
        checkpoints=tuple(Checkpoint(**kept) for kept in json.loads(row.checkpoints or "[]")),
        hyperparameters=json.loads(row.hyperparameters) if row.hyperparameters else None,
        seconds=row.seconds or 0.0,
    )


def end(store: Store, c: Connection, trial_id: int, outcome: Outcome, *, attempt: str = "") -> None:
    """Ends a trial that no live worker has; the caller holds the study's lock."""
    lease = schema.leases.c
    c.execute(
        schema.leases.update()
        .where(lease.trial_id == trial_id)
        .values(state="ended", expires_at=None, checkpoints=None)
    )
    _end_attempt(store, c, trial_id, attempt or outcome.state)
    outcomes.write(c, store, trial_id, outcome)


def _end_attempt(store: Store, c: Connection, trial_id: int, ended_as: str) -> None:
    attempt = schema.attempts.c
    c.execute(
        schema.attempts.update()
        .where(attempt.trial_id == trial_id, attempt.ended_at.is_(None))
        .values(ended_at=store.now, ended_as=ended_as)
    )


def hold(store: Store, c: Connection, claim: Claim, **values: Any) -> None:
    """Updates the lease if it is still ours, and prolongs it: the fence before every write.

    Raises:
        LeaseLost: It ran out, was taken over, or its study was deleted.
    """
    lease = schema.leases.c
    update = (
        schema.leases.update()
        .where(
            lease.trial_id == claim.trial_id,
            lease.token == claim.token,
            lease.state == "leased",
            lease.expires_at > store.now,
            studies.genuine(claim.study.study_id, claim.study.uuid),
        )
        .ordered_values(*{"expires_at": store.now + claim.study.lease_seconds, **values}.items())
    )
    if c.execute(update).rowcount != 1:
        raise LeaseLost(f"The lease {claim.token} on trial {claim.number} is not valid any more.")


def renew(store: Store, claim: Claim) -> Order:
    """Prolongs the lease and asks what to do with the trial.

    Raises:
        LeaseLost: See ``hold``.
    """
    with store.write() as c:
        hold(store, c, claim)
        row = c.execute(
            sa.select(schema.studies.c.state, schema.leases.c.requested)
            .join(schema.leases, schema.leases.c.study_id == schema.studies.c.study_id)
            .where(schema.leases.c.trial_id == claim.trial_id)
        ).one()
        return _order(row)


def _order(row: sa.Row[Any, Any]) -> Order:
    if row.requested == "end" or row.state == studies.FINISHED:
        return Order.END
    if row.state in (studies.PAUSED, studies.STOPPED):
        return Order.GIVE_BACK
    return Order.CONTINUE


def keep_checkpoints(store: Store, claim: Claim, checkpoints: Sequence[Checkpoint]) -> None:
    """Points the lease to checkpoints that are completely written: this is their commit.

    Args:
        checkpoints: To go on from, the newest first.

    Raises:
        LeaseLost: See ``hold``.
    """
    with store.write() as c:
        hold(store, c, claim, checkpoints=json.dumps([vars(k) for k in checkpoints]), losses=0)


def checkpoint_paths(store: Store, study: Study) -> set[str]:
    """Where the checkpoints of a study's trials lie, those that a lease points to."""
    lease = schema.leases.c
    query = sa.select(lease.checkpoints).where(
        lease.study_id == study.study_id, lease.checkpoints.is_not(None)
    )
    with store.read() as c:
        found = c.execute(query).scalars().all()
    return {kept["path"] for text in found for kept in json.loads(text)}


def give_back(store: Store, claim: Claim, *, seconds: float) -> None:
    """Leaves the trial to whoever claims next. It stays RUNNING in Optuna's eyes.

    Args:
        seconds: Spent inside training so far, over all attempts.

    Raises:
        LeaseLost: See ``hold``.
    """
    with store.write() as c:
        hold(store, c, claim, state="waiting", worker_id=None, expires_at=None)
        _end_attempt(store, c, claim.trial_id, "returned")
        c.execute(
            schema.trials.update()
            .where(schema.trials.c.trial_id == claim.trial_id)
            .values(seconds=seconds)
        )


def finish(store: Store, claim: Claim, outcome: Outcome) -> None:
    """Ends the trial, and the study with it where this was the last one.

    It may be repeated: after a lost connection nobody knows whether the first time was heard.

    Raises:
        LeaseLost: See ``hold``.
        StudyGone: The study was deleted.
    """
    with store.write() as c:
        row = studies.lock(c, claim.study)
        try:
            hold(store, c, claim, state="ended", expires_at=None, checkpoints=None)
        except LeaseLost:
            if _was_told(c, claim, outcome):
                return
            raise
        _end_attempt(store, c, claim.trial_id, outcome.state)
        outcomes.write(c, store, claim.trial_id, outcome)
        if not conclusion.stop_if_broken(c, claim.study):
            conclusion.conclude(store, c, claim.study, row)


def _was_told(c: Connection, claim: Claim, outcome: Outcome) -> bool:
    """Whether this attempt ended its trial with this very outcome before."""
    attempt, trial, value = schema.attempts.c, schema.trials.c, schema.optuna_values.c
    row = c.execute(
        sa.select(attempt.ended_as, trial.model, trial.failure_kind, value.value)
        .join(schema.trials, trial.trial_id == attempt.trial_id)
        .outerjoin(
            schema.optuna_values,
            sa.and_(value.trial_id == attempt.trial_id, value.objective == 0),
        )
        .where(attempt.trial_id == claim.trial_id, attempt.token == claim.token)
    ).first()
    kind = outcome.failure.kind if outcome.failure else None
    told = outcome.value if outcome.state != "failed" else None
    return row is not None and tuple(row) == (outcome.state, outcome.model, kind, told)


def bury(store: Store, study: Study, worker_id: str, failure: Failure | None = None) -> None:
    """Does not wait for the leases of a worker whose process is known to have died.

    Args:
        failure: Ends the trial that it was training as failed; without it that is left to
            another worker, as is one that it was about to end.
    """
    lease, attempt = schema.leases.c, schema.attempts.c
    with store.write() as c:
        row = studies.lock(c, study)
        query = (
            sa.select(lease.trial_id)
            .join(
                schema.attempts,
                sa.and_(attempt.trial_id == lease.trial_id, attempt.token == lease.token),
            )
            .where(
                lease.study_id == study.study_id,
                lease.worker_id == worker_id,
                lease.state == "leased",
            )
            .order_by(attempt.started_at.desc())
        )
        held = c.execute(query).scalars().all()
        if failure is not None and held:
            end(store, c, held[0], Outcome(state="failed", failure=failure))
            held = held[1:]
        expired = schema.leases.update().where(lease.trial_id.in_(held))
        c.execute(expired.values(expires_at=0))
        conclusion.conclude(store, c, study, row)
