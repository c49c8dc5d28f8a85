"""Optuna's own tables, how it stores values in them, and the constants beside them.

Optuna offers no public access to its tables, so this is the one module of ``storage`` that reads
``optuna.storages._rdb``: check it first when a new version of Optuna changes its schema. It
imports nothing of ours, so that our tables can refer to Optuna's.
"""

from __future__ import annotations

import optuna
import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from optuna.storages._rdb import models
from optuna.study.study import _SYSTEM_ATTR_METRIC_NAMES
from sqlalchemy import Table
from sqlalchemy.engine import Connection

METRIC_NAMES = _SYSTEM_ATTR_METRIC_NAMES  # system attribute of a study: names of its objectives
NOT_FOUND = models.NOT_FOUND_MSG  # text of Optuna's KeyError for a study or trial
FINITE = models.TrialValueModel.TrialValueType.FINITE

# Optuna stores infinities and NaN in a column beside the number: these translate both.
read_value = models.TrialValueModel.stored_repr_to_value
read_report = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
write_report = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr

optuna_studies: Table = models.StudyModel.__table__
optuna_directions: Table = models.StudyDirectionModel.__table__
optuna_study_attributes: Table = models.StudyUserAttributeModel.__table__
optuna_study_system_attributes: Table = models.StudySystemAttributeModel.__table__
optuna_trials: Table = models.TrialModel.__table__
optuna_params: Table = models.TrialParamModel.__table__
optuna_values: Table = models.TrialValueModel.__table__
optuna_reports: Table = models.TrialIntermediateValueModel.__table__
optuna_trial_attributes: Table = models.TrialUserAttributeModel.__table__
optuna_trial_system_attributes: Table = models.TrialSystemAttributeModel.__table__
optuna_heartbeats: Table = models.TrialHeartbeatModel.__table__


def library_version(c: Connection) -> str | None:
    """The version of Optuna that made its tables, or was the last to upgrade them."""
    version: str | None = c.scalar(sa.select(models.VersionInfoModel.__table__.c.library_version))
    return version


def create_tables(c: Connection) -> None:
    """Creates Optuna's tables in the caller's transaction; existing ones stay as they are.

    Optuna's own storage uses several transactions for this, which race between processes.
    """
    new = not sa.inspect(c).has_table(optuna_trials.name)
    models.BaseModel.metadata.create_all(c)
    if new and c.dialect.name == "mysql":
        _keep_microseconds(c)
    version = models.VersionInfoModel.__table__
    if c.execute(sa.select(version.c.version_info_id)).first() is None:
        row = {"schema_version": models.SCHEMA_VERSION, "library_version": optuna.__version__}
        c.execute(version.insert().values(version_info_id=1, **row))
    context = MigrationContext.configure(c)
    if context.get_current_revision() is None:
        config = Config()
        config.set_main_option("script_location", "optuna.storages._rdb:alembic")
        context.stamp(ScriptDirectory.from_config(config), "head")


def _keep_microseconds(c: Connection) -> None:
    """Changes the type of trials' times on MySQL, whose DATETIME has whole seconds only."""
    for column in (optuna_trials.c.datetime_start, optuna_trials.c.datetime_complete):
        c.execute(sa.text(f"ALTER TABLE {optuna_trials.name} MODIFY {column.name} DATETIME(6)"))
