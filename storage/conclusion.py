"""When a study is finished: its budget used, its target or time reached, or no progress."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from storage import progress, schema, studies
from storage.engine import Store
from storage.studies import Study

SAME_FAILURES = 3  # trials that must have failed alike, and nothing else, to stop a study
BROKEN = f"its first {SAME_FAILURES} trials failed in the same way"


def conclude(
    store: Store, c: Connection, study: Study, row: Row[Any], *, count: bool = True
) -> tuple[str, str | None]:
    """Marks a running study finished where it is.

    Args:
        row: The study's row, locked in this transaction.
        count: Whether to look for trials that are left; a claim finds that out by itself.

    Returns:
        The study's state and its reason from now on.
    """
    if row.state != studies.RUNNING:
        return row.state, row.reason
    reason = _limit_reached(store, c, study, row)
    if reason is None and count and _is_used(c, row):
        reason = studies.BUDGET_USED
    if reason is None:
        return studies.RUNNING, None
    studies.set_state(c, study, studies.FINISHED, reason)
    return studies.FINISHED, reason


def stop_if_broken(c: Connection, study: Study) -> bool:
    """Stops a study whose first trials all failed alike: not a bad trial but a bad program.

    To be asked when a trial has just ended.
    """
    bug = _bug(c, study.study_id)
    if bug is None:
        return False
    reason = f"{BROKEN}: {bug}"
    studies.set_state(c, study, studies.STOPPED, reason)
    return True


def is_broken(study: Study) -> bool:
    """Whether the study was stopped because its first trials all failed alike."""
    return study.state == studies.STOPPED and (study.reason or "").startswith(BROKEN)


def _bug(c: Connection, study_id: int) -> str | None:
    """What the first trials failed with, if all of them failed in the same way.

    None unless exactly so many have ended, so that a study that is resumed all the same goes on.
    """
    lease, trial = schema.leases.c, schema.trials.c
    query = (
        sa.select(trial.failure_kind, trial.failure_message, trial.failure_traceback)
        .join(schema.leases, lease.trial_id == trial.trial_id)
        .where(lease.study_id == study_id, lease.state == "ended")
        .limit(SAME_FAILURES + 1)
    )
    ended = c.execute(query).all()
    if len(ended) != SAME_FAILURES or any(row.failure_kind != "error" for row in ended):
        return None
    ways = {_way(row.failure_message, row.failure_traceback or "") for row in ended}
    return ended[0].failure_message if len(ways) == 1 else None


def _way(message: str, traceback: str) -> tuple[str, str]:
    """The kind of an exception, and the line of code that raised it.

    Messages themselves hold names and shapes, which differ from trial to trial.
    """
    places = [line.strip() for line in traceback.splitlines() if line.startswith('  File "')]
    return message.partition(":")[0], places[-1] if places else re.sub(r"\d+", "#", message)


def _limit_reached(store: Store, c: Connection, study: Study, row: Row[Any]) -> str | None:
    if row.target is not None and progress.best(c, row.study_id) <= row.target:
        return f"the target {study.sign * row.target:g} was reached"
    if row.patience is not None and progress.stale(c, row.study_id) >= row.patience:
        return f"{row.patience} trials ended without a better one"
    if row.deadline is not None and c.execute(sa.select(store.now)).scalar_one() > row.deadline:
        return f"the time limit of {row.timeout:g} s was reached"
    return None


def _is_used(c: Connection, row: Row[Any]) -> bool:
    """Whether every trial of the budget was made and has ended."""
    made = progress.count(c, row.study_id) >= row.budget
    return made and not progress.unended(c, row.study_id)
