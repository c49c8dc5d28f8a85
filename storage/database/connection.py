"""Settings of connections for each kind of database, and when transactions take locks on SQLite."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from storage.database.sqlite_file import StoreFile

SQLITE_BUSY_TIMEOUT = 10.0  # seconds that a statement waits for another process's write
CONNECT_TIMEOUT = 5  # seconds to wait for a new connection
SILENT_TIMEOUT = 10  # seconds after which a connection breaks if the server acknowledges nothing
# TCP keepalive, by libpq's names: seconds of silence, seconds between probes, number of probes.
PROBES = {"keepalives_idle": 4, "keepalives_interval": 2, "keepalives_count": 3}
# Seconds after which the server disconnects a client that is idle inside a transaction: such as a
# worker that was suspended, and holds locks that all other workers wait for.
IDLE_TIMEOUT = 20

# A context variable, not an argument: Optuna's own methods begin transactions too.
_reading: ContextVar[bool] = ContextVar("reading", default=False)


@contextmanager
def reading() -> Iterator[None]:
    """Transactions that begin inside the block take no write lock (matters on SQLite only)."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def options(url: URL) -> dict[str, Any]:
    """Returns keyword arguments of ``sqlalchemy.create_engine`` for this kind of database."""
    family = url.get_backend_name()
    if family == "sqlite":
        # With None the driver itself sends no BEGIN: ``_listen_for_begin`` does.
        return {"connect_args": {"timeout": SQLITE_BUSY_TIMEOUT, "isolation_level": None}}
    settings: dict[str, Any] = {
        "pool_pre_ping": True,  # replaces connections that a restart of the server broke
        "connect_args": {"connect_timeout": CONNECT_TIMEOUT},
    }
    if family == "postgresql":
        # Without these a process waits for hours if the network breaks while it awaits an answer.
        settings["connect_args"] |= {**PROBES, "tcp_user_timeout": 1000 * SILENT_TIMEOUT}
        # PgBouncer may use another server connection for each transaction; prepared statements
        # exist only in the connection that prepared them.
        settings["connect_args"]["prepare_threshold"] = None
    # Each statement sees all commits before it, also those it waited for at a lock. MySQL's
    # default (REPEATABLE READ) would show the state at the first read.
    settings["isolation_level"] = "READ COMMITTED"
    if family == "mysql":
        # Local time is ambiguous for one hour a year, when the clock is set back.
        settings["connect_args"]["init_command"] = "SET time_zone = '+00:00'"
    return settings


def listen(engine: Engine, *, making: bool = False) -> None:
    """Attaches the listeners that set up each connection of an engine and begin its transactions.

    On SQLite write transactions take the write lock when they begin, and read transactions never.

    Args:
        engine: The engine.
        making: Whether SQLite may create the file. Otherwise the file that exists now is required
            from then on: another one at its place is an error.
    """
    sa.event.listen(engine, "connect", SET_UP[engine.dialect.name])
    if engine.dialect.name == "sqlite":
        file = None if making else StoreFile(Path(engine.url.database or ""))
        _listen_for_begin(engine, file)
        if file is not None:
            _listen_for_connect(engine, file)
    engine.dispose()  # drops connections opened before the listeners were attached


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # With a write-ahead log readers and the writer do not block each other. NORMAL: a commit
    # survives the end of any process; only a power failure may lose the last ones.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _set_up_postgresql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_TIMEOUT}s'")
    connection.commit()


def _set_up_mysql(connection: Any, _record: object) -> None:
    if "MariaDB" in str(connection.get_server_info()):  # MySQL has no such setting
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION idle_transaction_timeout = {IDLE_TIMEOUT}")
    # PyMySQL has no options for TCP's timeouts: they are set on its socket.
    sock = getattr(connection, "_sock", None)
    if isinstance(sock, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, PROBES["keepalives_idle"]),
            (socket.TCP_KEEPINTVL, PROBES["keepalives_interval"]),
            (socket.TCP_KEEPCNT, PROBES["keepalives_count"]),
            (socket.TCP_USER_TIMEOUT, 1000 * SILENT_TIMEOUT),
        ):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


SET_UP = {
    "sqlite": _set_up_sqlite,
    "postgresql": _set_up_postgresql,
    "mysql": _set_up_mysql,
    "mariadb": _set_up_mysql,
}


def _listen_for_begin(engine: Engine, file: StoreFile | None) -> None:
    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if file is not None:
            opened = connection.connection.driver_connection
            assert isinstance(opened, sqlite3.Connection)
            file.keep(opened)
        # IMMEDIATE takes the write lock now. A plain BEGIN would take it at the first write, and
        # fail there without waiting if another process has written since the first read.
        connection.exec_driver_sql("BEGIN" if _reading.get() else "BEGIN IMMEDIATE")


def _listen_for_connect(engine: Engine, file: StoreFile) -> None:
    @sa.event.listens_for(engine, "do_connect")
    def connect(
        _dialect: object, _record: object, args: list[Any], options: dict[str, Any]
    ) -> sqlite3.Connection:
        file.check()
        # mode=rw: otherwise SQLite creates an empty database if the file was deleted.
        uri = f"{Path(args[0]).as_uri()}?mode=rw"
        opened: sqlite3.Connection = sqlite3.connect(uri, *args[1:], **{**options, "uri": True})
        return opened
