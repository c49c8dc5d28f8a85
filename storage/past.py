"""The trials of a study as samplers need them, read in bulk and each of them once.

Optuna's own cache reads every trial that has not ended again each time, with all its reports:
with 500 of them a suggestion takes a second. A trial here is read until its parameters are
chosen, and once more when it has ended; the number of statements does not depend on how many.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Connection

from storage import pieces, schema
from storage.engine import Store
from storage.pieces import Chosen

MOST_NAMED = 500  # trials that one query names; for more, the database looks for them itself

Condition = sa.ColumnElement[bool]


class Past:
    """One study's trials, without their times, their user attributes and their learning curves.

    Of a pruned trial the last report is there, by which samplers rank it. A failed trial that
    violated a constraint is shown as pruned: samplers pass over failed trials, and would choose
    what runs out of memory again and again.

    Args:
        reports: Whether pruned trials have their last report. In a study with several objectives
            they must not: Optuna ranks them by the study's one direction, and raises.
    """

    def __init__(self, store: Store, study_id: int, *, reports: bool = True) -> None:
        self._store, self._study_id, self._reports = store, study_id, reports
        # By Optuna's id and in that order: numbers grow with ids.
        self._trials: dict[int, FrozenTrial] = {}
        self._unended: set[int] = set()
        self._last = -1  # ids grow: whoever makes a trial holds the study's lock

    def trials(self) -> list[FrozenTrial]:
        """All trials as they are now, by number."""
        with self._store.read() as c:
            for trial in _read(c, self._changed(c), reports=self._reports):
                self._keep(trial)
        return list(self._trials.values())

    def find(self, trial_id: int) -> FrozenTrial | None:
        """A trial as it was when they were read last."""
        return self._trials.get(trial_id)

    def _changed(self, c: Connection) -> Condition:
        """Which trials are to be read: new ones, and those that may differ from what we know."""
        lease, trial = schema.leases.c, schema.optuna_trials.c
        of_study = trial.study_id == self._study_id
        if not self._trials:
            return of_study
        query = sa.select(lease.trial_id).where(
            lease.study_id == self._study_id, lease.state.in_(("leased", "waiting"))
        )
        settled = {i for i in c.execute(query).scalars() if i in self._trials and self._chosen(i)}
        again = self._unended - settled
        changed = sa.or_(trial.trial_id > self._last, trial.trial_id.in_(again))
        # Follows from the other, and spares going through the study from its first trial on.
        oldest = min(again, default=self._last + 1)
        return sa.and_(of_study, trial.trial_id >= oldest, changed)

    def _chosen(self, trial_id: int) -> bool:
        return bool(self._trials[trial_id].params)

    def _keep(self, trial: FrozenTrial) -> None:
        trial_id = trial._trial_id
        self._trials[trial_id] = trial
        self._last = max(self._last, trial_id)
        if trial.state.is_finished():
            self._unended.discard(trial_id)
        else:
            self._unended.add(trial_id)


def _read(c: Connection, condition: Condition, *, reports: bool) -> Iterable[FrozenTrial]:
    """The trials for which a condition on Optuna's table holds, in at most five statements."""
    trial = schema.optuna_trials.c
    query = sa.select(trial.trial_id, trial.number, trial.state).where(condition)
    rows = c.execute(query.order_by(trial.trial_id)).all()
    if not rows:
        return
    chosen = _ids([row.trial_id for row in rows], sa.select(trial.trial_id).where(condition))
    states = {row.state for row in rows}
    params = pieces.params(c, chosen)
    attributes = pieces.attributes(c, chosen, schema.optuna_trial_system_attributes)
    values = pieces.values(c, chosen) if states & {TrialState.COMPLETE, TrialState.PRUNED} else {}
    pruned = _ids(
        [row.trial_id for row in rows if row.state == TrialState.PRUNED],
        sa.select(trial.trial_id).where(condition, trial.state == TrialState.PRUNED),
    )
    last = pieces.last_reports(c, pruned) if reports and TrialState.PRUNED in states else {}
    for row in rows:
        found = params[row.trial_id]
        yield _shown(
            FrozenTrial(
                number=row.number,
                trial_id=row.trial_id,
                state=row.state,
                value=None,
                values=values.get(row.trial_id),
                params={name: value for name, (value, _) in found.items()},
                distributions={name: distribution for name, (_, distribution) in found.items()},
                system_attrs=attributes[row.trial_id],
                user_attrs={},
                intermediate_values=last.get(row.trial_id, {}),
                datetime_start=None,
                datetime_complete=None,
            )
        )


def _ids(ids: list[int], query: sa.Select[Any]) -> Chosen:
    """The trials themselves where they are few: looking for them goes through the whole study."""
    return ids if len(ids) <= MOST_NAMED else query


def _shown(trial: FrozenTrial) -> FrozenTrial:
    if trial.state == TrialState.FAIL and trial.constraints:
        trial.state = TrialState.PRUNED
    return trial
