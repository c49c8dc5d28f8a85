"""Decides when a study is finished (budget, target, time limit, patience) or broken.

No trial of a finished study rests: see ``storage.resting``.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from storage import outcomes, progress, resting, studies, study_attributes, study_states
from storage.database import schema
from storage.database.engine import Store
from storage.studies import Study

SAME_FAILURES = (
    3  # if this many trials failed in the same way before any other ended, the study stops
)
BROKEN = f"its first {SAME_FAILURES} trials failed in the same way"


def conclude(
    store: Store, c: Connection, study: Study, row: Row[Any], *, count: bool = True
) -> tuple[str, str | None]:
    """Marks a running study as finished if a limit is reached.

    Args:
        store: The database.
        c: A transaction that holds the study's lock.
        study: The study.
        row: The study's row, locked.
        count: Whether to check the budget too; a claim finds that out by itself.

    Returns:
        The study's state and the reason for it, after this call.
    """
    if row.state != studies.RUNNING:
        return row.state, row.reason
    reason = _limit_reached(store, c, study, row)
    if reason is None and count and _budget_is_used(c, row):
        reason = studies.BUDGET_USED
    if reason is None:
        return studies.RUNNING, None
    finish(store, c, study, reason)
    return studies.FINISHED, reason


def finish(store: Store, c: Connection, study: Study, reason: str) -> None:
    """Marks a study as finished, in a transaction that holds its lock."""
    study_states.set_state(c, study, studies.FINISHED, reason)
    resting.end(store, c, study)


def finish_flat(store: Store, study: Study, reason: str) -> bool:
    """Finishes a running study that will hardly get better, and returns whether it did.

    Not one that was reopened after it had ended for this reason: its user wants to see more.

    Args:
        store: The database.
        study: The study.
        reason: A text for users.

    Raises:
        StudyGone: The study was deleted.
    """
    with store.write() as c:
        row = studies.lock(c, study)
        may_end = study_attributes.find(c, row.study_id, study_attributes.STOP_WHEN_FLAT)
        if row.state != studies.RUNNING or not may_end:
            return False
        finish(store, c, study, study_states.FLAT + reason)
        return True


def stop_if_broken(c: Connection, study: Study) -> bool:
    """Stops a study whose first trials all failed in the same way, and returns whether it did.

    Then the cause is most likely a bug in the code, not the hyperparameters. To be called after a
    trial has ended, in a transaction that holds the study's lock.
    """
    message = _common_failure(c, study.study_id)
    if message is None:
        return False
    reason = f"{BROKEN}: {message}"
    study_states.set_state(c, study, studies.STOPPED, reason)
    return True


def is_broken(study: Study) -> bool:
    """Whether the study was stopped because its first trials all failed in the same way."""
    return study.state == studies.STOPPED and (study.reason or "").startswith(BROKEN)


def _common_failure(c: Connection, study_id: int) -> str | None:
    """Returns the message of the first failures if all are the same, else None.

    Only if exactly that many trials have ended: a study that the user resumes is not stopped again.
    """
    lease, trial = schema.leases.c, schema.trials.c
    query = (
        sa.select(trial.failure_kind, trial.failure_message, trial.failure_traceback)
        .join(schema.leases, lease.trial_id == trial.trial_id)
        .where(lease.study_id == study_id, lease.state.in_(progress.OVER))
        .limit(SAME_FAILURES + 1)
    )
    ended = c.execute(query).all()
    if len(ended) != SAME_FAILURES or not all(_is_code_failure(row) for row in ended):
        return None
    signatures = {_signature(row.failure_message, row.failure_traceback or "") for row in ended}
    return ended[0].failure_message if len(signatures) == 1 else None


def _is_code_failure(row: Row[Any, Any, Any]) -> bool:
    """Whether users' code made a trial fail: it raised, or crashed the process."""
    crashed = row.failure_kind == "lost" and row.failure_message.startswith(outcomes.DIED)
    return bool(crashed or row.failure_kind == "error")


def _signature(message: str, traceback: str) -> tuple[str, str]:
    """Returns what identifies a failure: the type of the exception, and the line that raised it.

    Messages contain names and shapes, which differ between trials.
    """
    lines = [line.strip() for line in traceback.splitlines() if line.startswith('  File "')]
    return message.partition(":")[0], lines[-1] if lines else re.sub(r"\d+", "#", message)


def _limit_reached(store: Store, c: Connection, study: Study, row: Row[Any]) -> str | None:
    if row.target is not None and progress.best(c, row.study_id) <= row.target:
        return f"the target {study.own_sign(row.target):g} was reached"
    if row.patience is not None and progress.stale(c, row.study_id) >= row.patience:
        return f"{row.patience} trials ended without a better one"
    if row.deadline is not None and c.execute(sa.select(store.now)).scalar_one() > row.deadline:
        return f"the time limit of {row.timeout:g} s was reached"
    return None


def _budget_is_used(c: Connection, row: Row[Any]) -> bool:
    """Whether all trials of the budget were created and have ended, or rest for good."""
    if progress.count(c, row.study_id) < row.budget or progress.unended(c, row.study_id):
        return False
    return resting.promotable(c, row.study_id) is None
