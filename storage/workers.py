"""Workers: registration, signs of life, and the list of a study's workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from storage import studies
from storage.database import schema
from storage.database.engine import Store
from storage.studies import Study


@dataclass(frozen=True, kw_only=True)
class WorkerRecord:
    """A worker as it is shown to users.

    Attributes:
        name: Its host and process, short enough for a table.
        device: What it trains on, such as ``"1 thread"`` or ``"gpu 0"``.
        state: ``"alive"``, ``"lost"`` (dead, or silent for longer than a lease) or ``"left"``.
        trial: Number of its current trial, or None.
        epoch: Finished epochs of that trial.
        value: Best objective of that trial so far.
        busy: Share of its lifetime spent on training, 0 to 1; None at its start.
        started_at: Seconds since 1970.
        seen_at: Time of its last sign of life, seconds since 1970.
    """

    worker_id: str
    name: str
    host: str
    pid: int
    device: str
    state: str
    trial: int | None
    epoch: int | None
    value: float | None
    busy: float | None
    started_at: float
    seen_at: float


def enter(store: Store, study: Study, *, worker_id: str, host: str, pid: int, device: str) -> None:
    """Registers a worker that starts.

    Args:
        store: The database.
        study: The study that it works on.
        worker_id: A new UUID.
        host: Name of its machine.
        pid: Its process id.
        device: What it trains on, such as ``"1 thread"``.

    Raises:
        StudyGone: The study was deleted.
    """
    with store.write() as c:
        studies.lock(c, study)
        c.execute(
            schema.workers.insert().values(
                worker_id=worker_id,
                study_id=study.study_id,
                host=host,
                pid=pid,
                device=device,
                started_at=store.now,
                seen_at=store.now,
                busy_seconds=0.0,
            )
        )


def seen(store: Store, worker_id: str, *, busy_seconds: float) -> None:
    """Records a sign of life of a worker, and its training time so far in seconds."""
    _update(store, worker_id, seen_at=store.now, busy_seconds=busy_seconds)


def leave(store: Store, worker_id: str, *, busy_seconds: float) -> None:
    """Records that a worker exits, and its total training time in seconds."""
    now = store.now
    _update(store, worker_id, seen_at=now, left_at=now, busy_seconds=busy_seconds)


def lost(store: Store, study: Study, worker_id: str) -> None:
    """Records that a worker has died, by dating its last sign of life back by a lease."""
    _update(store, worker_id, seen_at=store.now - study.lease_seconds)


def _update(store: Store, worker_id: str, **values: Any) -> None:
    with store.write() as c:
        c.execute(
            schema.workers.update().where(schema.workers.c.worker_id == worker_id).values(**values)
        )


def list_workers(store: Store, study: Study) -> list[WorkerRecord]:
    """Returns all workers that ever worked on a study, in the order of their start."""
    worker, lease = schema.workers.c, schema.leases.c
    query = (
        sa.select(
            schema.workers,
            schema.optuna_trials.c.number,
            lease.epoch,
            study.own_sign(lease.best_value).label("value"),
            store.now.label("now"),
        )
        .select_from(schema.workers)
        .outerjoin(
            schema.leases,
            sa.and_(
                lease.study_id == worker.study_id,
                lease.worker_id == worker.worker_id,
                lease.state == "leased",
                lease.expires_at > store.now,
            ),
        )
        .outerjoin(schema.optuna_trials, schema.optuna_trials.c.trial_id == lease.trial_id)
        .where(worker.study_id == study.study_id)
        .order_by(worker.started_at, lease.trial_id)
    )
    with store.read() as c:
        rows = c.execute(query).all()
    # A worker may have two leases while the result of its last trial is written: the later counts.
    newest = {row.worker_id: row for row in rows}
    return [_record(row, study.lease_seconds) for row in newest.values()]


def _record(row: Row[Any], lease_seconds: float) -> WorkerRecord:
    if row.left_at is not None:
        state = "left"
    else:
        state = "alive" if row.now - row.seen_at < lease_seconds else "lost"
    lifetime = row.seen_at - row.started_at
    return WorkerRecord(
        worker_id=row.worker_id,
        name=f"{row.host.partition('.')[0]}:{row.pid}",
        host=row.host,
        pid=row.pid,
        device=row.device,
        state=state,
        trial=row.number,
        epoch=row.epoch,
        value=row.value,
        busy=min(1.0, row.busy_seconds / lifetime) if lifetime > 0 else None,
        started_at=row.started_at,
        seen_at=row.seen_at,
    )
