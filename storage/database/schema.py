"""Our tables, beside Optuna's in the same database. ``migrations/`` makes them.

Every row of ours hangs on a row of Optuna's with ``ON DELETE CASCADE``: a study or trial that
is deleted by Optuna or its dashboard takes ours with it. All times are seconds since 1970 by
the database's clock.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Double, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy.dialects import mysql

from storage.optuna import tables

UUID_ATTRIBUTE = "tuner_uuid"  # the study's UUID among its user attributes in Optuna

# Optuna's tables, so that a query finds all of its tables in this module.
optuna_studies = tables.optuna_studies
optuna_directions = tables.optuna_directions
optuna_study_attributes = tables.optuna_study_attributes
optuna_study_system_attributes = tables.optuna_study_system_attributes
optuna_trials = tables.optuna_trials
optuna_params = tables.optuna_params
optuna_values = tables.optuna_values
optuna_reports = tables.optuna_reports
optuna_trial_attributes = tables.optuna_trial_attributes
optuna_trial_system_attributes = tables.optuna_trial_system_attributes
optuna_heartbeats = tables.optuna_heartbeats

metadata = sa.MetaData()

LONG_TEXT = Text().with_variant(mysql.MEDIUMTEXT, "mysql")  # MySQL's TEXT ends at 64 kB


def _study_key(*, primary: bool = False) -> Column[int]:
    """Each table is cleared with its study: one level of cascade, straight from Optuna's row."""
    target = ForeignKey(optuna_studies.c.study_id, ondelete="CASCADE")
    return Column("study_id", Integer, target, primary_key=primary, nullable=False)


def _trial_key() -> Column[int]:
    target = ForeignKey(optuna_trials.c.trial_id, ondelete="CASCADE")
    return Column("trial_id", Integer, target, primary_key=True, autoincrement=False)


store = Table(
    "tuner_store",
    metadata,
    Column("uuid", String(36), primary_key=True),  # its only row: which store this is
)

studies = Table(
    "tuner_studies",
    metadata,
    _study_key(primary=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("spec", LONG_TEXT, nullable=False),  # JSON of the study's definition
    Column("state", String(16), nullable=False),  # running, paused, stopped, finished
    Column("reason", Text),  # why it is in that state, for people
    Column("budget", Integer, nullable=False),  # trials asked for
    Column("lease_seconds", Double, nullable=False),
    Column("target", Double),  # finished once a trial is at or below it
    Column("patience", Integer),  # finished after so many ended trials without a better one
    Column("timeout", Double),  # seconds from launch, resume or extend
    Column("deadline", Double),
    Column("created_at", Double, nullable=False),
)

leases = Table(
    "tuner_leases",
    metadata,
    _trial_key(),
    _study_key(),
    Column("state", String(8), nullable=False),  # leased, waiting, resting, ended
    Column("worker_id", String(36)),
    Column("token", Integer, nullable=False),  # grows with each claim: older holders are fenced
    Column("expires_at", Double),
    Column("losses", Integer, nullable=False),  # workers lost since the last checkpointed epoch
    Column("epoch", Integer, nullable=False),  # finished epochs
    Column("best_value", Double),
    Column("best_epoch", Integer),
    Column("checkpoints", Text),  # JSON, newest first: where each lies, its checksum, its epoch
    Column("requested", String(8)),  # "end": the user wants this trial to end now
    Column("rung", Integer),  # the last one that it did not pass: see `storage.resting`
    Index("ix_tuner_leases_study_state", "study_id", "state"),
)

trials = Table(
    "tuner_trials",
    metadata,
    _trial_key(),
    _study_key(),
    Column("hyperparameters", Text),  # JSON, real values
    Column("seed", sa.BigInteger),
    Column("begun_at", Double),
    Column("ended_at", Double),
    Column("seconds", Double),  # spent inside training
    Column("metrics", Text),  # JSON, of the best epoch
    Column("model", Text),  # where the model file lies
    Column("model_sha256", String(64)),  # of its bytes; None where an older version saved it
    Column("path", Text),  # how it was trained: the fast path or a slower one, and why
    Column("retry_of", Integer),  # number of the failed trial that it repeats
    Column("failure_kind", String(16)),
    Column("failure_message", Text),
    Column("failure_traceback", Text),
    Index("ix_tuner_trials_study", "study_id"),
)

attempts = Table(
    "tuner_attempts",
    metadata,
    _trial_key(),
    Column("token", Integer, primary_key=True, autoincrement=False),
    _study_key(),
    Column("worker_id", String(36), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("ended_as", String(16)),  # complete, pruned, failed, returned, rested, lost
    Index("ix_tuner_attempts_study", "study_id"),
)

epochs = Table(
    "tuner_epochs",
    metadata,
    _trial_key(),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("token", Integer, nullable=False),
    Column("metrics", Text, nullable=False),  # JSON
    Column("recorded_at", Double, nullable=False),
)

rungs = Table(
    "tuner_rungs",
    metadata,
    _study_key(primary=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    # Without a foreign key: goes with its study, and no index is needed to delete a trial.
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("best", Double, nullable=False),  # the trial's lowest objective up to this epoch
    Index("ix_tuner_rungs_rank", "study_id", "epoch", "best"),
)

ranks = Table(
    "tuner_ranks",
    metadata,
    _study_key(primary=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),  # as in tuner_rungs
    Column("value", Double),  # one of the values there; None until they were counted
    Column("reached", Integer, nullable=False),  # trials there
    Column("lower", Integer, nullable=False),  # of them, with a lower value
    Column("same", Integer, nullable=False),  # with this value
    Column("passes", Integer),  # how many of them may go on, where the others rest
)

workers = Table(
    "tuner_workers",
    metadata,
    Column("worker_id", String(36), primary_key=True),
    _study_key(),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("device", String(64), nullable=False),  # such as "1 thread" or "gpu 0"
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("left_at", Double),
    Column("busy_seconds", Double, nullable=False),  # spent inside training
    Index("ix_tuner_workers_study", "study_id"),
)

logs = Table(
    "tuner_logs",
    metadata,
    Column("log_id", Integer, primary_key=True),
    Column(
        "trial_id",
        Integer,
        ForeignKey(optuna_trials.c.trial_id, ondelete="CASCADE"),
        nullable=False,
    ),
    Column("token", Integer, nullable=False),
    Column("printed_at", Double, nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_tuner_logs_trial", "trial_id"),
)
