"""How a connection to each kind of database is set up, and when its transactions take locks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

SQLITE_BUSY_TIMEOUT = 10.0  # seconds that a statement waits for another process's write
CONNECT_TIMEOUT = 5  # seconds until an unreachable server is given up
SILENT_TIMEOUT = 10  # seconds until a server that does not acknowledge is given up
PROBES = {"keepalives_idle": 4, "keepalives_interval": 2, "keepalives_count": 3}  # seconds
# Seconds after which the server gives up a client that fell silent within a transaction, and with
# it the locks that all other workers wait for.
IDLE_TIMEOUT = 20

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
    if family == "postgresql":
        # Without these a cut line holds up whoever waits for an answer for hours.
        settings["connect_args"] |= {**PROBES, "tcp_user_timeout": 1000 * SILENT_TIMEOUT}
    # Each statement sees what was committed before it, after it waited for a lock too.
    settings["isolation_level"] = "READ COMMITTED"
    if family == "mysql":
        # In local time the hour before the clock is set back in autumn comes twice.
        settings["connect_args"]["init_command"] = "SET time_zone = '+00:00'"
    return settings


def listen(engine: Engine) -> None:
    """Sets up each connection; on SQLite writes begin with the lock and reads without it."""
    sa.event.listen(engine, "connect", SET_UP[engine.dialect.name])
    if engine.dialect.name == "sqlite":
        _listen_for_begin(engine)
    engine.dispose()  # connections made before the listeners stood lack the settings


def _set_up_sqlite(connection: Any, _record: object) -> None:
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
    line = getattr(connection, "_sock", None)
    if isinstance(line, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, PROBES["keepalives_idle"]),
            (socket.TCP_KEEPINTVL, PROBES["keepalives_interval"]),
            (socket.TCP_KEEPCNT, PROBES["keepalives_count"]),
            (socket.TCP_USER_TIMEOUT, 1000 * SILENT_TIMEOUT),
        ):
            line.setsockopt(socket.IPPROTO_TCP, option, value)


SET_UP = {
    "sqlite": _set_up_sqlite,
    "postgresql": _set_up_postgresql,
    "mysql": _set_up_mysql,
    "mariadb": _set_up_mysql,
}


def _listen_for_begin(engine: Engine) -> None:
    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if _reading.get() else "BEGIN IMMEDIATE")
