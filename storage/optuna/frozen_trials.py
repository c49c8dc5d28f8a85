"""Reads complete trials of Optuna in six statements, whatever their number.

By Optuna's own ORM objects 5,000 trials take seconds. Only the dashboard and code that uses Optuna
directly need trials with everything; samplers have ``storage.sampling.trial_cache``.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import sqlalchemy as sa
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Connection

from storage.optuna import tables, trial_rows

MAX_IDS = 5000  # trials that a query lists by id; for more it reads all of the study


def read_trials(
    c: Connection,
    study_id: int,
    states: Container[TrialState] | None,
    again: set[int],
    after: int,
) -> list[FrozenTrial]:
    """Returns trials of a study, by id: those with an id above ``after``, and those in ``again``.

    Args:
        c: The transaction.
        study_id: Optuna's id of the study.
        states: Only trials in one of these states; None for any.
        again: Ids at or below ``after`` to read too; higher ones are ignored.
        after: -1 for all trials.

    Raises:
        KeyError: There is no such study.
    """
    trial = tables.optuna_trials.c
    condition = trial.study_id == study_id
    again = {trial_id for trial_id in again if trial_id <= after}
    if after >= 0 and len(again) <= MAX_IDS:
        condition &= sa.or_(trial.trial_id > after, trial.trial_id.in_(again))
    rows = c.execute(sa.select(tables.optuna_trials).where(condition).order_by(trial.trial_id))
    selected = [
        row
        for row in rows.all()
        if (states is None or row.state in states)
        and (row.trial_id > after or row.trial_id in again)
    ]
    if not selected:
        _require_study(c, study_id)
        return []
    return _complete(c, selected, sa.select(trial.trial_id).where(condition))


def _require_study(c: Connection, study_id: int) -> None:
    study = tables.optuna_studies.c.study_id
    if c.execute(sa.select(study).where(study == study_id)).first() is None:
        raise KeyError(tables.NOT_FOUND)


def _complete(c: Connection, rows: list[sa.Row[Any]], ids: sa.Select[Any]) -> list[FrozenTrial]:
    # May read parts of trials that ``states`` left out: simpler than a query for each case.
    params = trial_rows.params(c, ids)
    values = trial_rows.values(c, ids)
    reports = trial_rows.reports(c, ids)
    user = trial_rows.attributes(c, ids, tables.optuna_trial_attributes)
    system = trial_rows.attributes(c, ids, tables.optuna_trial_system_attributes)
    return [
        FrozenTrial(
            number=row.number,
            state=row.state,
            value=None,
            values=values.get(row.trial_id),
            datetime_start=row.datetime_start,
            datetime_complete=row.datetime_complete,
            params={name: value for name, (value, _) in params[row.trial_id].items()},
            distributions={
                name: distribution for name, (_, distribution) in params[row.trial_id].items()
            },
            user_attrs=user[row.trial_id],
            system_attrs=system[row.trial_id],
            intermediate_values=reports[row.trial_id],
            trial_id=row.trial_id,
        )
        for row in rows
    ]
