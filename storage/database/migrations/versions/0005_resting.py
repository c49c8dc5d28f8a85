"""Trials that rest: the rung that a trial did not pass, and how many of a rung may pass."""

from alembic import op
from sqlalchemy import Column, Integer

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Studies of earlier versions stop trials for ever: nothing rests in them."""
    op.add_column("tuner_leases", Column("rung", Integer))
    op.add_column("tuner_ranks", Column("passes", Integer))
