"""Optuna's trials, all of them in six statements: by its objects 5,000 trials take seconds.

Only the dashboard, and whoever asks Optuna itself, needs trials as whole as these.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import sqlalchemy as sa
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Connection

from storage import pieces, schema

MOST_NAMED = 5000  # trials by id in one statement; for more, all are read


def read(
    c: Connection,
    study_id: int,
    states: Container[TrialState] | None,
    again: set[int],
    after: int,
) -> list[FrozenTrial]:
    """The trials of a study, by id.

    Args:
        states: Those in one of these; None takes any.
        again: Ids of trials at or below ``after`` that are wanted too.
        after: Those with a higher id; -1 takes all.

    Raises:
        KeyError: There is no such study.
    """
    trial = schema.optuna_trials.c
    condition = trial.study_id == study_id
    again = {trial_id for trial_id in again if trial_id <= after}
    if after >= 0 and len(again) <= MOST_NAMED:
        condition &= sa.or_(trial.trial_id > after, trial.trial_id.in_(again))
    rows = c.execute(sa.select(schema.optuna_trials).where(condition).order_by(trial.trial_id))
    found = [
        row
        for row in rows.all()
        if (states is None or row.state in states)
        and (row.trial_id > after or row.trial_id in again)
    ]
    if not found:
        _require(c, study_id)
        return []
    return _whole(c, found, sa.select(trial.trial_id).where(condition))


def _require(c: Connection, study_id: int) -> None:
    study = schema.optuna_studies.c.study_id
    if c.execute(sa.select(study).where(study == study_id)).first() is None:
        raise KeyError(models.NOT_FOUND_MSG)


def _whole(c: Connection, rows: list[sa.Row[Any]], chosen: sa.Select[Any]) -> list[FrozenTrial]:
    params = pieces.params(c, chosen)
    values = pieces.values(c, chosen)
    reports = pieces.reports(c, chosen)
    user = pieces.attributes(c, chosen, schema.optuna_trial_attributes)
    system = pieces.attributes(c, chosen, schema.optuna_trial_system_attributes)
    return [
        FrozenTrial(
            number=row.number,
            state=row.state,
            value=None,
            values=values.get(row.trial_id),
            datetime_start=row.datetime_start,
            datetime_complete=row.datetime_complete,
            params={name: value for name, (value, _) in params[row.trial_id].items()},
            distributions={name: drawn for name, (_, drawn) in params[row.trial_id].items()},
            user_attrs=user[row.trial_id],
            system_attrs=system[row.trial_id],
            intermediate_values=reports[row.trial_id],
            trial_id=row.trial_id,
        )
        for row in rows
    ]
