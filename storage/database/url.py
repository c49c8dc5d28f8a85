"""Database URLs: parse, check, and show without the password."""

from __future__ import annotations

import re
import shlex
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
    """Parses a URL; adds the driver and, for SQLite, makes the path absolute.

    Raises:
        StoreError: It is not the URL of a supported database.
    """
    try:
        url = make_url(text)
    except (sa.exc.ArgumentError, ValueError) as e:  # ValueError: the port is not a number
        # The cause is dropped if its message may contain a password.
        raise StoreError(
            f"Expected a database URL such as {EXAMPLES}. Received: {without_user(text)!r}."
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


def without_user(text: str) -> str:
    """Returns an invalid URL, for a message, without the parts that may contain a password."""
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
            f"Make it with: mkdir -p {shlex.quote(str(path.parent))}"
        )
    return url.set(database=str(path))


def redact(url: URL) -> str:
    """Returns the URL for messages and logs, without passwords."""
    url = url.update_query_dict(dict.fromkeys(_secrets(url), "***"))
    return url.render_as_string(hide_password=True)


def is_secret(url: URL) -> bool:
    """Whether the URL contains a password."""
    return bool(url.password or _secrets(url))


def _secrets(url: URL) -> list[str]:
    """Returns the keys of passwords in the query of the URL."""
    return [key for key in url.query if re.search("pass|pwd|secret", key, re.IGNORECASE)]


def reveal(url: URL) -> str:
    """Returns the URL with its password, for the environment of a child process only."""
    return url.render_as_string(hide_password=False)
