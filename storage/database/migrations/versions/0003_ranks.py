"""Where decisions fall in each rung, so that its trials need not be counted."""

from alembic import op
from sqlalchemy import Column, Double, ForeignKey, Integer

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The rows are made by the first report that finds none: see `storage.rung_ranks`."""
    target = ForeignKey("studies.study_id", ondelete="CASCADE")
    op.create_table(
        "tuner_ranks",
        Column("study_id", Integer, target, primary_key=True, nullable=False),
        Column("epoch", Integer, primary_key=True, autoincrement=False),
        Column("value", Double),
        Column("reached", Integer, nullable=False),
        Column("lower", Integer, nullable=False),
        Column("same", Integer, nullable=False),
    )
