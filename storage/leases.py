"""Leases on trials: hold, renew, give back, finish. They keep the trial budget exact.

A lease is a worker's time-limited right to one trial (Gray and Cheriton, "Leases", SOSP 1989).
Each claim increments the lease's token, and every write of a worker names its token. So a worker
that was silent for too long, and has lost its trial to another worker, can write nothing more: the
token is a fencing token.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage import outcomes, resting, stopping, studies
from storage.database import schema
from storage.database.engine import Store
from storage.errors import LeaseLost
from storage.outcomes import Outcome
from storage.studies import Study


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A file that training can resume from.

    Attributes:
        path: Its path or URL.
        sha256: SHA-256 of its bytes, hexadecimal.
        epoch: Number of epochs that were finished when it was written.
    """

    path: str
    sha256: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A lease that was granted.

    Attributes:
        study: The study, as it was when the worker started.
        trial_id: Optuna's id of the trial.
        number: The trial's number in its study, from 0.
        worker_id: The worker that holds the lease.
        token: Number of this attempt, from 1; every write of the worker must name it.
        epoch: Finished epochs that earlier attempts reported.
        checkpoints: Checkpoints of earlier attempts to resume from, newest first.
        hyperparameters: Chosen by an earlier attempt; None if the trial has none yet.
        seconds: Training time of earlier attempts.
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


class WorkerCommand(Enum):
    """What the worker should do with its current trial; the result of a renewal."""

    CONTINUE = "continue"
    GIVE_BACK = "give back"  # the study is paused or stopped
    END = "end"  # the study is finished early, or the user ended this trial


def expired(store: Store) -> sa.ColumnElement[bool]:
    """Returns the SQL condition that the worker of a lease was silent for too long."""
    # Always by the database's clock: those of the workers' machines may differ by minutes.
    return sa.and_(schema.leases.c.state == "leased", schema.leases.c.expires_at < store.now)


def end_lease(
    store: Store, c: Connection, trial_id: int, outcome: Outcome, *, attempt: str = ""
) -> None:
    """Ends a trial that has no live worker; the caller holds the study's lock.

    Args:
        store: The database.
        c: The caller's transaction.
        trial_id: Optuna's id of the trial.
        outcome: How the trial ended.
        attempt: How its last attempt ended, if not like the trial: ``"lost"``.
    """
    lease = schema.leases.c
    c.execute(
        schema.leases.update()
        .where(lease.trial_id == trial_id)
        .values(state="ended", expires_at=None, checkpoints=None)
    )
    end_attempt(store, c, trial_id, attempt or outcome.state)
    outcomes.write(c, store, trial_id, outcome)


def end_attempt(store: Store, c: Connection, trial_id: int, ended_as: str) -> None:
    """Ends the attempt at a trial that has not ended yet: see ``Attempt.ended_as``."""
    attempt = schema.attempts.c
    c.execute(
        schema.attempts.update()
        .where(attempt.trial_id == trial_id, attempt.ended_at.is_(None))
        .values(ended_at=store.now, ended_as=ended_as)
    )


def hold(store: Store, c: Connection, claim: Claim, **values: Any) -> None:
    """Extends a lease if the worker still holds it: the fence in front of every write.

    Args:
        store: The database.
        c: The transaction of the write. It must be rolled back if this raises.
        claim: The worker's lease.
        values: Further columns of the lease's row to set in the same statement.

    Raises:
        LeaseLost: It expired, was taken over, or its study was deleted.
    """
    lease = schema.leases.c
    update = (
        schema.leases.update()
        .where(
            lease.trial_id == claim.trial_id,
            lease.token == claim.token,
            lease.state == "leased",
            # An expired lease is lost even if nobody has claimed the trial yet.
            lease.expires_at > store.now,
            studies.same_study(claim.study.study_id, claim.study.uuid),
        )
        # In the order of ``values``: MySQL assigns from left to right (see ``reports._progress``).
        .ordered_values(*{"expires_at": store.now + claim.study.lease_seconds, **values}.items())
    )
    if c.execute(update).rowcount != 1:
        raise LeaseLost(f"The lease {claim.token} on trial {claim.number} is no longer valid.")


def renew(store: Store, claim: Claim) -> WorkerCommand:
    """Extends the lease and asks what to do with the trial; this is the worker's heartbeat.

    Returns:
        What the user, or the state of the study, wants the worker to do.

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
        return _command(row)


def _command(row: sa.Row[Any, Any]) -> WorkerCommand:
    if row.requested == "end" or row.state == studies.FINISHED:
        return WorkerCommand.END
    if row.state in (studies.PAUSED, studies.STOPPED):
        return WorkerCommand.GIVE_BACK
    return WorkerCommand.CONTINUE


def keep_checkpoints(store: Store, claim: Claim, checkpoints: Sequence[Checkpoint]) -> None:
    """Records checkpoints in the lease's row.

    A checkpoint counts from this commit on: its file was written completely before.

    Args:
        store: The database.
        claim: The worker's lease.
        checkpoints: Those to resume from, newest first; they replace those recorded before.

    Raises:
        LeaseLost: See ``hold``.
    """
    with store.write() as c:
        # Progress was saved, so the count of workers lost without progress starts again.
        texts = json.dumps([vars(checkpoint) for checkpoint in checkpoints])
        hold(store, c, claim, checkpoints=texts, losses=0)


def checkpoint_paths(store: Store, study: Study) -> set[str]:
    """Paths or URLs of all checkpoints that a lease of the study points to."""
    lease = schema.leases.c
    query = sa.select(lease.checkpoints).where(
        lease.study_id == study.study_id, lease.checkpoints.is_not(None)
    )
    with store.read() as c:
        texts = c.execute(query).scalars().all()
    return {checkpoint["path"] for text in texts for checkpoint in json.loads(text)}


def give_back(store: Store, claim: Claim, *, seconds: float) -> None:
    """Releases the lease so that any worker can claim the trial. To Optuna it stays RUNNING.

    Args:
        store: The database.
        claim: The worker's lease.
        seconds: Training time so far, over all attempts.

    Raises:
        LeaseLost: See ``hold``.
    """
    with store.write() as c:
        hold(store, c, claim, state="waiting", worker_id=None, expires_at=None)
        end_attempt(store, c, claim.trial_id, "returned")
        c.execute(
            schema.trials.update()
            .where(schema.trials.c.trial_id == claim.trial_id)
            .values(seconds=seconds)
        )


def rest(store: Store, claim: Claim, outcome: Outcome, *, keep: int) -> list[str]:
    """Lets a trial rest until a claim resumes it: see ``storage.resting``.

    Args:
        store: The database.
        claim: The worker's lease; the pruning rule has just rejected the trial.
        outcome: How the trial ends unless it is resumed: pruned, with its best value so far.
        keep: How many trials may rest; the worst of more are pruned.

    Returns:
        Paths or URLs of checkpoints that nothing points to any more: their files can be removed.

    Raises:
        LeaseLost: See ``hold``.
        StudyGone: The study was deleted.
    """
    with store.write() as c:
        row = studies.lock(c, claim.study)
        hold(store, c, claim, state="resting", worker_id=None, expires_at=None)
        end_attempt(store, c, claim.trial_id, "rested")
        outcomes.write_interim(c, claim.trial_id, outcome)
        unneeded = resting.keep_best(store, c, claim.study, keep)
        state, _ = stopping.conclude(store, c, claim.study, row)
        if state == studies.FINISHED:  # maybe before this call: then nobody ends this trial later
            resting.end(store, c, claim.study)
        return unneeded


def finish(store: Store, claim: Claim, outcome: Outcome) -> None:
    """Ends the trial, and the study too if this was its last trial.

    The call can be repeated: after a lost connection the caller cannot know whether the first one
    was committed.

    Args:
        store: The database.
        claim: The worker's lease.
        outcome: How the trial ended.

    Raises:
        LeaseLost: See ``hold``.
        StudyGone: The study was deleted.
    """
    with store.write() as c:
        row = studies.lock(c, claim.study)
        try:
            hold(store, c, claim, **_ended(claim, outcome))
        except LeaseLost:
            if _is_recorded(c, claim, outcome):
                return
            raise
        end_attempt(store, c, claim.trial_id, outcome.state)
        outcomes.write(c, store, claim.trial_id, outcome)
        if not stopping.stop_if_broken(c, claim.study):
            stopping.conclude(store, c, claim.study, row)


def _ended(claim: Claim, outcome: Outcome) -> dict[str, Any]:
    """New values for the lease's row. The value of a complete trial is the one that it ended with.

    It is that of an epoch where our own training made it; other code may return any number.
    """
    ended = {"state": "ended", "expires_at": None, "checkpoints": None}
    if outcome.state != "complete" or outcome.value is None:
        return ended
    lease, value = schema.leases.c, claim.study.sign * outcome.value
    # MySQL assigns from left to right: ``best_epoch`` must see the old ``best_value``.
    epoch = sa.case((lease.best_value == value, lease.best_epoch), else_=None)
    return {**ended, "best_epoch": epoch, "best_value": value}


def _is_recorded(c: Connection, claim: Claim, outcome: Outcome) -> bool:
    """Whether an earlier call has already ended the trial with this outcome."""
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
    value_written = outcome.value if outcome.state != "failed" else None
    return row is not None and tuple(row) == (outcome.state, outcome.model, kind, value_written)
