"""Workers that were lost: their leases are released, and what kills worker after worker fails."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage import leases, stopping, studies
from storage.database import schema
from storage.database.engine import Store
from storage.outcomes import DIED, Failure, Outcome, ended_by_hand
from storage.studies import Study

MAX_LOSSES = 5  # workers lost on one trial without a new checkpoint: the trial fails
MAX_DEATHS = 2  # the same, if the last worker crashed by itself (it was not killed from outside)


def end_hopeless(store: Store, c: Connection, study: Study) -> None:
    """Ends trials without a live worker that no other worker is to take over.

    These are the trials on which too many workers in a row were lost, and those that a user has
    ended, but whose worker was lost, or let them rest, before it learned so.
    """
    lease = schema.leases.c
    expired = leases.expired(store)
    waits = sa.or_(lease.state.in_(("waiting", "resting")), expired)
    query = sa.select(lease.trial_id, lease.state, lease.requested, lease.best_value).where(
        lease.study_id == study.study_id,
        lease.state.in_(("leased", "waiting", "resting")),  # lets the index skip ended trials
        sa.or_(
            sa.and_(expired, lease.losses >= MAX_LOSSES - 1),
            sa.and_(waits, lease.requested == "end"),
        ),
    )
    for row in c.execute(query).all():
        if row.requested == "end":
            best = None if row.best_value is None else study.own_sign(row.best_value)
            outcome = ended_by_hand(best, several=bool(study.further))
        else:
            message = (
                f"{MAX_LOSSES} workers were lost on it without a new checkpoint: each was killed, "
                "or its code hung, where its log says"
            )
            outcome = Outcome(state="failed", failure=Failure(kind="lost", message=message))
        lost = "lost" if row.state == "leased" else ""
        leases.end_lease(store, c, row.trial_id, outcome, attempt=lost)


def release_dead_worker(
    store: Store,
    study: Study,
    worker_id: str,
    failure: Failure | None = None,
    cause: str | None = None,
) -> None:
    """Releases the leases of a worker that is known to be dead, without waiting for their expiry.

    Args:
        store: The database.
        study: The study that it worked on.
        worker_id: The dead worker.
        failure: Fails the trial that it was training with this. None leaves the trial to another
            worker.
        cause: How the process crashed by itself, such as ``exit code 7``. A crash will most likely
            repeat, so the trial fails at the second loss (``MAX_DEATHS``).

    Raises:
        StudyGone: The study was deleted.
    """
    lease, attempt = schema.leases.c, schema.attempts.c
    with store.write() as c:
        row = studies.lock(c, study)
        query = (
            sa.select(lease.trial_id, lease.losses)
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
        # A worker can have two leases: of the trial it trains (the latest attempt, so the first
        # row here) and of the one before, whose result is still being written by a thread.
        leased = c.execute(query).all()
        if leased and cause is not None and leased[0].losses + 1 >= MAX_DEATHS:
            message = f"{DIED} {cause}, not the first one that was lost on this trial"
            failure = failure or Failure(kind="lost", message=message)
        if failure is not None and leased:
            leases.end_lease(store, c, leased[0].trial_id, Outcome(state="failed", failure=failure))
        ended = failure is not None and bool(leased)
        released = [other.trial_id for other in leased[ended:]]
        # Expired, not "waiting": the next claim counts the loss.
        update = schema.leases.update().where(lease.trial_id.in_(released))
        c.execute(update.values(expires_at=0))
        if not (ended and stopping.stop_if_broken(c, study)):
            stopping.conclude(store, c, study, row)
