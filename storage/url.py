"""Database addresses: read, check, and show without their password."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from storage.errors import StoreError

DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
EXAMPLES = "sqlite:///tuner.db or postgresql://user:password@host/database"


def parse(text: str) -> URL:
    """Returns the address with its driver named and, for SQLite, an absolute path.

    Raises:
        StoreError: ``text`` is no address of a database that is supported here.
    """
    try:
        url = make_url(text)
    except (sa.exc.ArgumentError, ValueError) as e:  # ValueError: the port is no number
        # Without the cause, whose message repeats the password.
        raise StoreError(
            f"Expected a database URL such as {EXAMPLES}. Received: {_without_user(text)!r}."
        ) from (e if "@" not in text else None)
    if "@" in (url.host or ""):
        raise StoreError(
            "Expected a password in which @ is written as %40, : as %3A and / as %2F. "
            f"Received a {url.drivername} URL with a second @."
        )
    family = url.drivername.partition("+")[0]
    if family not in DRIVERS:
        raise StoreError(
            f"Expected a sqlite, postgresql or mysql URL such as {EXAMPLES}. Received: {family!r}."
        )
    if family == "sqlite":
        return _absolute(url.set(drivername=DRIVERS[family]))
    return url.set(drivername=DRIVERS[family])


def _without_user(text: str) -> str:
    """An address that cannot be read, without the parts where a password may stand."""
    _, at, after = text.partition("?")[0].rpartition("@")
    return f"***@{after}" if at else after


def _absolute(url: URL) -> URL:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise StoreError(
            "Expected a SQLite file, because workers are processes of their own. Received a "
            "database in memory or a file: URI. Name a file, for example sqlite:///tuner.db."
        )
    path = Path(url.database).expanduser().resolve()
    if not path.parent.is_dir():
        raise StoreError(
            f"Expected the folder of the SQLite file to exist. Received: {path}. "
            f"Make it with: mkdir -p {path.parent}"
        )
    return url.set(database=str(path))


def redact(url: URL) -> str:
    """The address as it may be shown and logged: never with its password."""
    secret = {key: "***" for key in url.query if re.search("pass|pwd|secret", key, re.IGNORECASE)}
    url = url.update_query_dict(secret)
    return url.render_as_string(hide_password=True)


def reveal(url: URL) -> str:
    """The address with its password, for a child process's environment only."""
    return url.render_as_string(hide_password=False)
