"""A cache of a study's trials for samplers, which reads them in bulk.

Optuna's own cache reads every trial that has not ended again at each call, with all its reports:
with 500 such trials a suggestion takes a second. For a sampler a trial changes only when its
parameters are written, when it rests, and when it ends. So this cache reads a trial until it has
parameters, and once more after each of these. The number of SQL statements does not depend on the
number of trials.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Connection

from storage.database import schema
from storage.database.engine import Store
from storage.optuna import tables, trial_rows
from storage.optuna.trial_rows import TrialIds

MAX_IDS = 500  # trials that a query lists by id; for more it uses a subquery

Condition = sa.ColumnElement[bool]


class TrialCache:
    """One study's trials, without their times, user attributes and learning curves.

    A pruned trial has its last report only, by which samplers rank it. One that rests appears as
    pruned, until it has ended even if it was resumed: samplers learn nothing from running trials. A
    failed trial that violated a constraint appears as pruned too: samplers ignore failed trials,
    and would propose again and again what runs out of memory.

    Args:
        store: The database.
        study_id: Optuna's id of the study.
        reports: Whether pruned trials have their last report. Must be false for several objectives:
            there Optuna's samplers ask for the study's only direction, and raise.
    """

    def __init__(self, store: Store, study_id: int, *, reports: bool = True) -> None:
        self._store, self._study_id, self._reports = store, study_id, reports
        # By Optuna's id, in ascending order, which is that of trial numbers too.
        self._trials: dict[int, FrozenTrial] = {}
        self._unfinished: set[int] = set()  # ids of trials that had not ended when they were read
        self._rested: dict[int, int] = {}  # of those that rest: the attempt after which they do
        self._last = -1  # highest id so far; later trials of the study have higher ones

    def trials(self) -> list[FrozenTrial]:
        """Returns all trials as they are now, by number."""
        with self._store.read() as c:
            for trial, attempt in _read(c, self._changed(c), reports=self._reports):
                self._keep(trial, attempt)
        return list(self._trials.values())

    def find(self, trial_id: int) -> FrozenTrial | None:
        """Returns a trial as it was at the last call of ``trials``; None if it was not there."""
        return self._trials.get(trial_id)

    def _changed(self, c: Connection) -> Condition:
        """Condition on the trials to read: new ones, and those that may have changed."""
        lease, trial = schema.leases.c, tables.optuna_trials.c
        of_study = trial.study_id == self._study_id
        if not self._trials:
            return of_study
        query = sa.select(lease.trial_id, lease.state, lease.token).where(
            lease.study_id == self._study_id, lease.state.in_(("leased", "waiting", "resting"))
        )
        unchanged = {row.trial_id for row in c.execute(query) if self._is_unchanged(row)}
        outdated = self._unfinished - unchanged
        changed = sa.or_(trial.trial_id > self._last, trial.trial_id.in_(outdated))
        # Implied by ``changed``, but lets the index skip all older trials of the study.
        oldest = min(outdated, default=self._last + 1)
        return sa.and_(of_study, trial.trial_id >= oldest, changed)

    def _is_unchanged(self, lease: sa.Row[Any, Any, Any]) -> bool:
        """Whether nothing that samplers look at can have changed since the trial was read."""
        trial = self._trials.get(lease.trial_id)
        if trial is None or not trial.params:
            return False
        return bool(lease.state != "resting" or self._rested.get(lease.trial_id) == lease.token)

    def _keep(self, trial: FrozenTrial, rested: int | None) -> None:
        trial_id = trial._trial_id
        self._trials[trial_id] = trial
        self._last = max(self._last, trial_id)
        if rested is not None:
            self._rested[trial_id] = rested
        if trial.state.is_finished() and rested is None:
            self._unfinished.discard(trial_id)
        else:
            self._unfinished.add(trial_id)


def _read(
    c: Connection, condition: Condition, *, reports: bool
) -> Iterable[tuple[FrozenTrial, int | None]]:
    """Reads the trials that meet a condition on Optuna's table, in at most five statements.

    Returns:
        Each of them, and the number of the attempt after which it rests; None if it does not.
    """
    trial, lease = tables.optuna_trials.c, schema.leases.c
    rests = sa.and_(trial.state == TrialState.RUNNING, lease.state == "resting")
    of_pruned = sa.or_(trial.state == TrialState.PRUNED, rests)
    joined = sa.outerjoin(tables.optuna_trials, schema.leases, lease.trial_id == trial.trial_id)
    query = (
        sa.select(
            trial.trial_id,
            trial.number,
            trial.state,
            sa.case((rests, lease.token), else_=None).label("rested"),
        )
        .select_from(joined)
        .where(condition)
    )
    rows = c.execute(query.order_by(trial.trial_id)).all()
    if not rows:
        return
    ids = _ids([row.trial_id for row in rows], sa.select(trial.trial_id).where(condition))
    seen = {row.trial_id: row.state if row.rested is None else TrialState.PRUNED for row in rows}
    states = set(seen.values())
    params = trial_rows.params(c, ids)
    attributes = trial_rows.attributes(c, ids, tables.optuna_trial_system_attributes)
    values = trial_rows.values(c, ids) if states & {TrialState.COMPLETE, TrialState.PRUNED} else {}
    pruned = _ids(
        [trial_id for trial_id, state in seen.items() if state == TrialState.PRUNED],
        sa.select(trial.trial_id).select_from(joined).where(condition, of_pruned),
    )
    last_reports = (
        trial_rows.last_reports(c, pruned) if reports and TrialState.PRUNED in states else {}
    )
    for row in rows:
        own = params[row.trial_id]
        read = FrozenTrial(
            number=row.number,
            trial_id=row.trial_id,
            state=seen[row.trial_id],
            value=None,
            values=values.get(row.trial_id),
            params={name: value for name, (value, _) in own.items()},
            distributions={name: distribution for name, (_, distribution) in own.items()},
            system_attrs=attributes[row.trial_id],
            user_attrs={},
            intermediate_values=last_reports.get(row.trial_id, {}),
            datetime_start=None,
            datetime_complete=None,
        )
        yield _infeasible_as_pruned(read), row.rested


def _ids(ids: list[int], query: sa.Select[Any]) -> TrialIds:
    """The ids if they are few, else a subquery: long lists are slow to send and to parse."""
    return ids if len(ids) <= MAX_IDS else query


def _infeasible_as_pruned(trial: FrozenTrial) -> FrozenTrial:
    violates = any(margin > 0 for margin in trial.constraints.values())
    if trial.state == TrialState.FAIL and violates:
        trial.state = TrialState.PRUNED
    return trial
