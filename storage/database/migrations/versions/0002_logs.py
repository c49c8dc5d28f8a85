"""What workers print for a trial."""

from alembic import op
from sqlalchemy import Column, Double, ForeignKey, Integer, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    target = ForeignKey("trials.trial_id", ondelete="CASCADE")
    op.create_table(
        "tuner_logs",
        Column("log_id", Integer, primary_key=True),
        Column("trial_id", Integer, target, nullable=False),
        Column("token", Integer, nullable=False),
        Column("printed_at", Double, nullable=False),
        Column("text", Text, nullable=False),
    )
    op.create_index("ix_tuner_logs_trial", "tuner_logs", ["trial_id"])
