"""Makes and checks the tables: Optuna's, and ours by Alembic with a version table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from optuna.storages._rdb import models
from sqlalchemy.engine import Connection, Engine

from storage import connection as connections
from storage.errors import StoreError

VERSION_TABLE = "tuner_version"
LOCK = 727_063_001  # any number that other programs on the server do not use
LOCK_TIMEOUT = 60  # seconds


def prepare(engine: Engine, *, create: bool) -> None:
    """Checks that the tables are there and of this version; makes them if ``create``.

    Everything is made in one transaction under a lock, so that any number of processes may
    start on an empty database at once.

    Raises:
        StoreError: The tables are missing and may not be made, or are of another version.
    """
    with connections.reading(), engine.connect() as opened:
        found = _revision(opened)
    if found is None and create:
        with engine.begin() as opened, _locked(opened):
            if _revision(opened) is None:
                _make_optuna_tables(opened)
                _migrate(opened)
        return
    _check(found)


def upgrade(engine: Engine) -> tuple[str, str]:
    """Brings our tables to this version.

    Returns:
        The revision before and the revision after.

    Raises:
        StoreError: There are no tables, or they were made by a newer version.
    """
    with engine.begin() as opened, _locked(opened):
        before = _revision(opened)
        if before is None or before not in _known():
            _check(before)
            raise AssertionError("an unknown revision is refused")
        _migrate(opened)
        return before, head()


def head() -> str:
    """The revision that this version of the program works with."""
    revision = ScriptDirectory.from_config(_ours()).get_current_head()
    assert revision is not None
    return revision


def _known() -> set[str]:
    return {step.revision for step in ScriptDirectory.from_config(_ours()).walk_revisions()}


def _check(found: str | None) -> None:
    if found == head():
        return
    if found is None:
        raise StoreError(
            "Expected a store that holds studies. Received a database without our tables: "
            "launch a study first, or check --storage and TUNER_STORAGE."
        )
    if found in _known():
        raise StoreError(
            f"Expected tables of revision {head()}. Received {found}, made by an older version: "
            "stop its workers, then run: tuner upgrade"
        )
    raise StoreError(
        f"Expected tables of revision {head()} or older. Received {found}, made by a newer "
        "version: update this program."
    )


def _revision(opened: Connection) -> str | None:
    context = MigrationContext.configure(opened, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _ours() -> Config:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.attributes["version_table"] = VERSION_TABLE
    return config


def _migrate(opened: Connection) -> None:
    config = _ours()
    config.attributes["connection"] = opened
    command.upgrade(config, "head")


def _make_optuna_tables(opened: Connection) -> None:
    """Does what Optuna's storage does in several transactions, which race with each other."""
    new = not sa.inspect(opened).has_table(models.TrialModel.__tablename__)
    models.BaseModel.metadata.create_all(opened)
    if new and opened.dialect.name == "mysql":
        _keep_fractions(opened)
    version = models.VersionInfoModel.__table__
    if opened.execute(sa.select(version.c.version_info_id)).first() is None:
        row = {"schema_version": models.SCHEMA_VERSION, "library_version": optuna.__version__}
        opened.execute(version.insert().values(version_info_id=1, **row))
    context = MigrationContext.configure(opened)
    if context.get_current_revision() is None:
        config = Config()
        config.set_main_option("script_location", "optuna.storages._rdb:alembic")
        context.stamp(ScriptDirectory.from_config(config), "head")


def _keep_fractions(opened: Connection) -> None:
    """Lets a trial's times have microseconds, as everywhere else: MySQL keeps whole seconds."""
    table = models.TrialModel.__table__
    for column in (table.c.datetime_start, table.c.datetime_complete):
        opened.execute(sa.text(f"ALTER TABLE {table.name} MODIFY {column.name} DATETIME(6)"))


@contextmanager
def _locked(opened: Connection) -> Iterator[None]:
    """One process at a time. SQLite's write transaction is such a lock by itself."""
    if opened.dialect.name == "postgresql":
        opened.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    if opened.dialect.name != "mysql":
        yield
        return
    # MySQL commits at each CREATE TABLE: only a named lock holds over all of them.
    opened.execute(sa.select(sa.func.get_lock(str(LOCK), LOCK_TIMEOUT)))
    try:
        yield
    finally:
        opened.execute(sa.select(sa.func.release_lock(str(LOCK))))
