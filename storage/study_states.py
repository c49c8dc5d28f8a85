"""The state of a study: pause, stop, resume, extend."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection, Row

from storage import progress, studies, study_attributes
from storage.database import schema
from storage.database.engine import Store
from storage.errors import StoreError
from storage.studies import Study

FLAT = "flat: "  # begins the reason of a study that will hardly get better


def set_state(c: Connection, study: Study, state: str, reason: str | None) -> None:
    """Sets state and reason, in a transaction that holds the study's lock."""
    c.execute(
        schema.studies.update()
        .where(schema.studies.c.study_id == study.study_id)
        .values(state=state, reason=reason)
    )


def pause(store: Store, study: Study) -> Study:
    """Pauses a study: workers give back their trials with checkpoints, and wait."""
    return _change(store, study, studies.PAUSED, "paused by hand")


def stop(store: Store, study: Study) -> Study:
    """Stops a study: workers give back their trials with checkpoints, and exit."""
    return _change(store, study, studies.STOPPED, "stopped by hand")


def _change(store: Store, study: Study, state: str, reason: str) -> Study:
    with store.write() as c:
        row = studies.lock(c, study)
        if row.state == studies.FINISHED:
            raise StoreError(
                f"Expected a study that is not finished. Received {study.name!r} "
                f"({row.reason}): extend it with: tuner extend {study.typed} --trials +10"
            )
        set_state(c, study, state, reason)
    return studies.refresh(store, study)


def resume(store: Store, study: Study) -> Study:
    """Resumes a paused or stopped study; its time limit starts again.

    Raises:
        StoreError: The study is finished.
    """
    with store.write() as c:
        row = studies.lock(c, study)
        if row.state == studies.FINISHED:
            raise StoreError(
                f"Expected a study with trials left. Received {study.name!r}, which is "
                f"finished ({row.reason}): extend it with: tuner extend {study.typed} --trials +10"
            )
        reopen(store, c, study, row)
    return studies.refresh(store, study)


def extend(store: Store, study: Study, *, by: int) -> Study:
    """Adds ``by`` trials to the budget and resumes the study, also if it had finished.

    A limit that would end it again at once is removed: see ``reopen``.
    """
    with store.write() as c:
        reopen(store, c, study, studies.lock(c, study), by=by)
    return studies.refresh(store, study)


def reopen(store: Store, c: Connection, study: Study, row: Row[Any], *, by: int = 0) -> None:
    """Sets a study to running, in a transaction that holds the study's lock.

    Removes a target that was reached, a patience that is used up, and the end of a study that is
    flat; the time limit starts again.

    Args:
        store: The database.
        c: The transaction.
        study: The study.
        row: The study's row, locked.
        by: Trials to add to the budget.
    """
    reached = row.target is not None and progress.best(c, row.study_id) <= row.target
    exhausted = row.patience is not None and progress.stale(c, row.study_id) >= row.patience
    if (row.reason or "").startswith(FLAT):
        study_attributes.remove(c, row.study_id, study_attributes.STOP_WHEN_FLAT)
    c.execute(
        schema.studies.update()
        .where(schema.studies.c.study_id == study.study_id)
        .values(
            state=studies.RUNNING,
            reason=None,
            budget=row.budget + by,
            target=None if reached else row.target,
            patience=None if exhausted else row.patience,
            deadline=studies.deadline(store, row.timeout),
        )
    )
