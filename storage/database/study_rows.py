"""The rows of a study in Optuna's tables and ours, however many tables they are in."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa
from optuna.study import StudyDirection
from sqlalchemy.engine import Connection

from storage.database import schema
from storage.database.insert import insert_row
from storage.optuna.tables import METRIC_NAMES


def insert_into_optuna(c: Connection, name: str, uuid: str, maximize: Sequence[bool]) -> int:
    """Inserts a study into Optuna's tables; returns its id.

    Args:
        c: The transaction.
        name: Of the study.
        uuid: By which it is known as one of ours.
        maximize: For each objective whether higher values are better.
    """
    study_id = insert_row(c, schema.optuna_studies, study_name=name)
    # Foreign keys are off by default in SQLite: if another program deletes a study there, our rows
    # remain, and SQLite reuses its id.
    delete_own(c, study_id)
    for objective, higher in enumerate(maximize):
        direction = StudyDirection.MAXIMIZE if higher else StudyDirection.MINIMIZE
        c.execute(
            schema.optuna_directions.insert().values(
                study_id=study_id, objective=objective, direction=direction
            )
        )
    c.execute(
        schema.optuna_study_attributes.insert().values(
            study_id=study_id, key=schema.UUID_ATTRIBUTE, value_json=json.dumps(uuid)
        )
    )
    return study_id


def name_objectives(c: Connection, study_id: int, names: Sequence[str]) -> None:
    """Writes what Optuna's own ``Study.set_metric_names`` writes."""
    c.execute(
        schema.optuna_study_system_attributes.insert().values(
            study_id=study_id, key=METRIC_NAMES, value_json=json.dumps(list(names))
        )
    )


def delete_own(c: Connection, study_id: int) -> None:
    """Deletes all rows of ours that belong to the study of this id."""
    of_study = sa.select(schema.leases.c.trial_id).where(schema.leases.c.study_id == study_id)
    for table in (schema.epochs, schema.logs):
        c.execute(table.delete().where(table.c.trial_id.in_(of_study)))
    for table in (
        schema.rungs,
        schema.ranks,
        schema.attempts,
        schema.trials,
        schema.leases,
        schema.workers,
        schema.studies,
    ):
        c.execute(table.delete().where(table.c.study_id == study_id))


def delete_own_of_trial(c: Connection, trial_id: int) -> None:
    """Deletes all rows of ours that belong to the trial of this id."""
    for table in (
        schema.epochs,
        schema.logs,
        schema.rungs,
        schema.attempts,
        schema.trials,
        schema.leases,
    ):
        c.execute(table.delete().where(table.c.trial_id == trial_id))


def delete_of_optuna(c: Connection, study_id: int) -> None:
    """Deletes a study and its trials from Optuna's tables, one statement per table."""
    trial_ids = sa.select(schema.optuna_trials.c.trial_id).where(
        schema.optuna_trials.c.study_id == study_id
    )
    for table in (
        schema.optuna_reports,
        schema.optuna_params,
        schema.optuna_values,
        schema.optuna_trial_attributes,
        schema.optuna_trial_system_attributes,
        schema.optuna_heartbeats,
    ):
        c.execute(table.delete().where(table.c.trial_id.in_(trial_ids)))
    for table in (
        schema.optuna_trials,
        schema.optuna_directions,
        schema.optuna_study_attributes,
        schema.optuna_study_system_attributes,
        schema.optuna_studies,
    ):
        c.execute(table.delete().where(table.c.study_id == study_id))
