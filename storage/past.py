"""The trials of a study as samplers need them, read in bulk and each of them once.

Optuna's own cache reads every trial that has not ended again each time, with all its reports:
with 500 of them a suggestion takes a second. A trial here is read until its parameters are
chosen, and once more when it has ended; the number of statements does not depend on how many.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Connection

from storage import schema
from storage.engine import Store

MOST_NAMED = 500  # trials that one query names; for more, the database looks for them itself

Condition = sa.ColumnElement[bool]
Chosen = list[int] | sa.Select[Any]


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
    params = _params(c, chosen)
    attributes = _attributes(c, chosen)
    values = _values(c, chosen) if states & {TrialState.COMPLETE, TrialState.PRUNED} else {}
    pruned = _ids(
        [row.trial_id for row in rows if row.state == TrialState.PRUNED],
        sa.select(trial.trial_id).where(condition, trial.state == TrialState.PRUNED),
    )
    last = _last_reports(c, pruned) if reports and TrialState.PRUNED in states else {}
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


def _params(c: Connection, chosen: Chosen) -> dict[int, dict[str, tuple[Any, BaseDistribution]]]:
    """Values and distributions by name, for each trial, in the order in which they were chosen."""
    param = schema.optuna_params.c
    columns = (param.trial_id, param.param_name, param.param_value, param.distribution_json)
    query = sa.select(*columns).where(param.trial_id.in_(chosen)).order_by(param.param_id)
    found: dict[int, dict[str, tuple[Any, BaseDistribution]]] = defaultdict(dict)
    for trial_id, name, value, text in c.execute(query):
        distribution = _distribution(text)
        found[trial_id][name] = (distribution.to_external_repr(value), distribution)
    return found


@cache
def _distribution(text: str) -> BaseDistribution:
    """A study has few of them, each written with every trial."""
    return json_to_distribution(text)


def _values(c: Connection, chosen: Chosen) -> dict[int, list[float]]:
    """By objective."""
    value = schema.optuna_values.c
    query = sa.select(value.trial_id, value.value, value.value_type)
    query = query.where(value.trial_id.in_(chosen)).order_by(value.trial_id, value.objective)
    read = models.TrialValueModel.stored_repr_to_value
    found: dict[int, list[float]] = defaultdict(list)
    for trial_id, stored, kind in c.execute(query):
        found[trial_id].append(read(stored, kind))
    return found


def _attributes(c: Connection, chosen: Chosen) -> dict[int, dict[str, Any]]:
    attribute = schema.optuna_trial_system_attributes.c
    query = sa.select(attribute.trial_id, attribute.key, attribute.value_json)
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for trial_id, key, text in c.execute(query.where(attribute.trial_id.in_(chosen))):
        found[trial_id][key] = json.loads(text)
    return found


def _last_reports(c: Connection, chosen: Chosen) -> dict[int, dict[int, float]]:
    report = schema.optuna_reports.c
    last = (
        sa.select(report.trial_id, sa.func.max(report.step).label("step"))
        .where(report.trial_id.in_(chosen))
        .group_by(report.trial_id)
        .subquery()
    )
    query = sa.select(
        report.trial_id, report.step, report.intermediate_value, report.intermediate_value_type
    ).join(last, sa.and_(last.c.trial_id == report.trial_id, last.c.step == report.step))
    read = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
    return {
        trial_id: {step: read(stored, kind)} for trial_id, step, stored, kind in c.execute(query)
    }
