"""How a connection to each kind of database is set up, and when its transactions take locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

SQLITE_BUSY_TIMEOUT = 10.0  # seconds that a statement waits for another process's write
CONNECT_TIMEOUT = 5  # seconds until an unreachable server is given up

_reading: ContextVar[bool] = ContextVar("reading", default=False)


@contextmanager
def reading() -> Iterator[None]:
    """Transactions begun inside take no write lock (SQLite only; elsewhere no difference)."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def options(url: URL) -> dict[str, Any]:
    """Keyword arguments of ``sqlalchemy.create_engine`` for this kind of database."""
    family = url.get_backend_name()
    if family == "sqlite":
        # isolation_level=None hands BEGIN over to the listener below.
        return {"connect_args": {"timeout": SQLITE_BUSY_TIMEOUT, "isolation_level": None}}
    settings: dict[str, Any] = {
        "pool_pre_ping": True,  # a restarted server must not end a worker
        "connect_args": {"connect_timeout": CONNECT_TIMEOUT},
    }
    # Each statement sees what was committed before it, after it waited for a lock too.
    settings["isolation_level"] = "READ COMMITTED"
    if family == "mysql":
        # In local time the hour before the clock is set back in autumn comes twice.
        settings["connect_args"]["init_command"] = "SET time_zone = '+00:00'"
    return settings


def listen(engine: Engine) -> None:
    """Sets up each SQLite connection; begins writes with the lock and reads without it."""
    if engine.dialect.name != "sqlite":
        return

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if _reading.get() else "BEGIN IMMEDIATE")

    engine.dispose()  # connections made before the listeners stood lack the settings
