"""A cache of a study's trials for samplers, which reads them in bulk.

Optuna's own cache reads every trial that has not ended again at each call, with all its reports:
with 500 such trials a suggestion takes a second. For a sampler a trial changes only twice: when its
parameters are written, and when it ends. So this cache reads a trial until it has parameters, and
once more when it has ended. The number of SQL statements does not depend on the number of trials.
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

    A pruned trial has its last report only, by which samplers rank it. A failed trial that violated
    a constraint appears as pruned: samplers ignore failed trials, and would propose again and again
    what runs out of memory.

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
        self._last = -1  # highest id so far; later trials of the study have higher ones

    def trials(self) -> list[FrozenTrial]:
        """Returns all trials as they are now, by number."""
        with self._store.read() as c:
            for trial in _read(c, self._changed(c), reports=self._reports):
                self._keep(trial)
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
        query = sa.select(lease.trial_id).where(
            lease.study_id == self._study_id, lease.state.in_(("leased", "waiting"))
        )
        begun = c.execute(query).scalars()
        # Still running with parameters: nothing that samplers look at can have changed.
        unchanged = {i for i in begun if i in self._trials and self._has_params(i)}
        outdated = self._unfinished - unchanged
        changed = sa.or_(trial.trial_id > self._last, trial.trial_id.in_(outdated))
        # Implied by ``changed``, but lets the index skip all older trials of the study.
        oldest = min(outdated, default=self._last + 1)
        return sa.and_(of_study, trial.trial_id >= oldest, changed)

    def _has_params(self, trial_id: int) -> bool:
        return bool(self._trials[trial_id].params)

    def _keep(self, trial: FrozenTrial) -> None:
        trial_id = trial._trial_id
        self._trials[trial_id] = trial
        self._last = max(self._last, trial_id)
        if trial.state.is_finished():
            self._unfinished.discard(trial_id)
        else:
            self._unfinished.add(trial_id)


def _read(c: Connection, condition: Condition, *, reports: bool) -> Iterable[FrozenTrial]:
    """Reads the trials that meet a condition on Optuna's table, in at most five statements."""
    trial = tables.optuna_trials.c
    query = sa.select(trial.trial_id, trial.number, trial.state).where(condition)
    rows = c.execute(query.order_by(trial.trial_id)).all()
    if not rows:
        return
    ids = _ids([row.trial_id for row in rows], sa.select(trial.trial_id).where(condition))
    states = {row.state for row in rows}
    params = trial_rows.params(c, ids)
    attributes = trial_rows.attributes(c, ids, tables.optuna_trial_system_attributes)
    values = trial_rows.values(c, ids) if states & {TrialState.COMPLETE, TrialState.PRUNED} else {}
    pruned = _ids(
        [row.trial_id for row in rows if row.state == TrialState.PRUNED],
        sa.select(trial.trial_id).where(condition, trial.state == TrialState.PRUNED),
    )
    last_reports = (
        trial_rows.last_reports(c, pruned) if reports and TrialState.PRUNED in states else {}
    )
    for row in rows:
        own = params[row.trial_id]
        yield _infeasible_as_pruned(
            FrozenTrial(
                number=row.number,
                trial_id=row.trial_id,
                state=row.state,
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
        )


def _ids(ids: list[int], query: sa.Select[Any]) -> TrialIds:
    """The ids if they are few, else a subquery: long lists are slow to send and to parse."""
    return ids if len(ids) <= MAX_IDS else query


def _infeasible_as_pruned(trial: FrozenTrial) -> FrozenTrial:
    if trial.state == TrialState.FAIL and trial.constraints:
        trial.state = TrialState.PRUNED
    return trial
