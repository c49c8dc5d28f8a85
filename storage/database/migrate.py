"""Creates, checks and migrates the tables: Optuna's, and ours with an Alembic version table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

from storage.database import connection as connections
from storage.errors import StoreError
from storage.optuna import tables

VERSION_TABLE = "tuner_version"
LOCK = 727_063_001  # key of an advisory lock: any number that no other program uses
LOCK_TIMEOUT = 60  # seconds, on MySQL


def prepare(engine: Engine, *, create: bool) -> None:
    """Checks that the tables exist in this version; creates them if ``create``.

    All are created in one transaction under a lock, so that any number of processes can start on
    an empty database at the same time.

    Args:
        engine: An engine of the database.
        create: Whether to create missing tables.

    Raises:
        StoreError: The tables are missing with ``create`` false, or are of another version.
    """
    with connections.reading(), engine.connect() as opened:
        revision = _revision(opened)
    if revision is None and create:
        with engine.begin() as opened, _locked(opened):
            if _revision(opened) is None:  # nobody was faster
                tables.create_tables(opened)
                _migrate(opened)
        return
    _check(revision)


def are_made(engine: Engine) -> bool:
    """Whether the tables exist in this version; creates nothing.

    Raises:
        StoreError: They are of another version.
    """
    with connections.reading(), engine.connect() as opened:
        revision = _revision(opened)
    if revision is not None:
        _check(revision)
    return revision is not None


def upgrade(engine: Engine) -> tuple[str, str]:
    """Migrates our tables to this version.

    Returns:
        The revision before and the revision after.

    Raises:
        StoreError: There are no tables, or a newer version created them.
    """
    with engine.begin() as opened, _locked(opened):
        before = _revision(opened)
        if before is None or before not in _known_revisions():
            _check(before)
            raise AssertionError("an unknown revision is refused")
        _migrate(opened)
        return before, head()


@cache
def head() -> str:
    """Returns the Alembic revision that this version of the program works with.

    Files of migrations are called by their revision: to ask Alembic means to import them all.
    """
    folder = Path(__file__).parent / "migrations" / "versions"
    return max(path.stem.partition("_")[0] for path in folder.glob("[0-9]*_*.py"))


def _known_revisions() -> set[str]:
    return {
        step.revision for step in ScriptDirectory.from_config(_alembic_config()).walk_revisions()
    }


def _check(revision: str | None) -> None:
    if revision == head():
        return
    if revision is None:
        raise StoreError(
            "Expected a store that holds studies. Received a database without our tables: "
            "launch a study first, or check --storage and TUNER_STORAGE."
        )
    if revision in _known_revisions():
        raise StoreError(
            f"Expected tables of revision {head()}. Received {revision}, made by an older version: "
            "stop its workers, then run: tuner migrate"
        )
    raise StoreError(
        f"Expected tables of revision {head()} or older. Received {revision}, made by a newer "
        "version: update this program."
    )


def _revision(opened: Connection) -> str | None:
    context = MigrationContext.configure(opened, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", "storage.database:migrations")
    config.attributes["version_table"] = VERSION_TABLE
    return config


def _migrate(opened: Connection) -> None:
    config = _alembic_config()
    config.attributes["connection"] = opened
    command.upgrade(config, "head")


@contextmanager
def _locked(opened: Connection) -> Iterator[None]:
    """Lets one process at a time in. On SQLite the write transaction itself is such a lock."""
    if opened.dialect.name == "postgresql":
        opened.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    if opened.dialect.name != "mysql":
        yield
        return
    # MySQL commits at each CREATE TABLE: only a named lock lasts until all are created.
    opened.execute(sa.select(sa.func.get_lock(str(LOCK), LOCK_TIMEOUT)))
    try:
        yield
    finally:
        opened.execute(sa.select(sa.func.release_lock(str(LOCK))))
