"""Alembic's entry: runs our migrations on the connection of ``storage.database.migrate``."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
