"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Double, ForeignKey, Integer, String, Text
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LONG_TEXT = Text().with_variant(mysql.MEDIUMTEXT, "mysql")


def _study(*, primary: bool = False) -> Column[int]:
    target = ForeignKey("studies.study_id", ondelete="CASCADE")
    return Column("study_id", Integer, target, nullable=False, primary_key=primary)


def _trial() -> Column[int]:
    target = ForeignKey("trials.trial_id", ondelete="CASCADE")
    return Column("trial_id", Integer, target, primary_key=True, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "tuner_studies",
        _study(primary=True),
        Column("uuid", String(36), nullable=False, unique=True),
        Column("spec", LONG_TEXT, nullable=False),
        Column("state", String(16), nullable=False),
        Column("reason", Text),
        Column("budget", Integer, nullable=False),
        Column("lease_seconds", Double, nullable=False),
        Column("target", Double),
        Column("patience", Integer),
        Column("timeout", Double),
        Column("deadline", Double),
        Column("created_at", Double, nullable=False),
    )
    op.create_table(
        "tuner_leases",
        _trial(),
        _study(),
        Column("state", String(8), nullable=False),
        Column("worker_id", String(36)),
        Column("token", Integer, nullable=False),
        Column("expires_at", Double),
        Column("losses", Integer, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("best_value", Double),
        Column("best_epoch", Integer),
        Column("checkpoints", Text),
        Column("requested", String(8)),
    )
    op.create_index("ix_tuner_leases_study_state", "tuner_leases", ["study_id", "state"])
    op.create_table(
        "tuner_trials",
        _trial(),
        _study(),
        Column("hyperparameters", Text),
        Column("seed", sa.BigInteger),
        Column("begun_at", Double),
        Column("ended_at", Double),
        Column("seconds", Double),
        Column("metrics", Text),
        Column("model", Text),
        Column("path", Text),
        Column("retry_of", Integer),
        Column("failure_kind", String(16)),
        Column("failure_message", Text),
        Column("failure_traceback", Text),
    )
    op.create_index("ix_tuner_trials_study", "tuner_trials", ["study_id"])
    op.create_table(
        "tuner_attempts",
        _trial(),
        Column("token", Integer, primary_key=True, autoincrement=False),
        _study(),
        Column("worker_id", String(36), nullable=False),
        Column("started_at", Double, nullable=False),
        Column("ended_at", Double),
        Column("ended_as", String(16)),
    )
    op.create_index("ix_tuner_attempts_study", "tuner_attempts", ["study_id"])
    op.create_table(
        "tuner_epochs",
        _trial(),
        Column("epoch", Integer, primary_key=True, autoincrement=False),
        Column("token", Integer, nullable=False),
        Column("metrics", Text, nullable=False),
        Column("recorded_at", Double, nullable=False),
    )
    op.create_table(
        "tuner_rungs",
        _study(primary=True),
        Column("epoch", Integer, primary_key=True, autoincrement=False),
        Column("trial_id", Integer, primary_key=True, autoincrement=False),
        Column("best", Double, nullable=False),
    )
    op.create_index("ix_tuner_rungs_rank", "tuner_rungs", ["study_id", "epoch", "best"])
    op.create_table(
        "tuner_workers",
        Column("worker_id", String(36), primary_key=True),
        _study(),
        Column("host", String(255), nullable=False),
        Column("pid", Integer, nullable=False),
        Column("device", String(64), nullable=False),
        Column("started_at", Double, nullable=False),
        Column("seen_at", Double, nullable=False),
        Column("left_at", Double),
        Column("busy_seconds", Double, nullable=False),
    )
    op.create_index("ix_tuner_workers_study", "tuner_workers", ["study_id"])
