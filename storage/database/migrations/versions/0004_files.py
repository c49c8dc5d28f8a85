"""Checksums of model files, and a name of the store's own: folders of files say who made them."""

from uuid import uuid4

from alembic import op
from sqlalchemy import Column, String

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Models that were saved before have no checksum, and their folders tell no store."""
    op.add_column("tuner_trials", Column("model_sha256", String(64)))
    store = op.create_table("tuner_store", Column("uuid", String(36), primary_key=True))
    op.bulk_insert(store, [{"uuid": str(uuid4())}])
