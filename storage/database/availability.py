"""Turns database errors into two kinds: the store is unreachable for now, or lost for good.

Connections break, servers restart, become read-only for a while, or run out of connections or disk
space. Drivers, SQLAlchemy and Optuna have a dozen exception classes for these. All of them become
``StoreUnreachable`` here, after which the same call may be repeated. A damaged file or missing
tables become ``StoreLost``. Every other error, such as a violated constraint, stays as it is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from optuna.exceptions import StorageInternalError
from sqlalchemy.engine import URL

from storage.database import url as urls
from storage.errors import StoreLost, StoreUnreachable

LONGEST_REASON = 120  # characters of a driver's message that are shown
PAUSE = 1.0  # seconds between two attempts of a call

AWAY = (
    sa.exc.OperationalError,  # on SQLite also errors in the SQL itself: see ``_is_away``
    sa.exc.InterfaceError,
    sa.exc.InternalError,  # PostgreSQL: read-only, idle in a transaction for too long
    sa.exc.TimeoutError,  # no connection became free in our own pool
    sa.exc.PendingRollbackError,  # the connection broke within the transaction
)
# Primary result codes of SQLite: SQLITE_ERROR; SQLITE_CORRUPT and SQLITE_NOTADB.
SQL_ERROR, DAMAGED = 1, (11, 26)
# Messages of SQLite, PostgreSQL and MySQL, whose exception classes differ.
TABLES_GONE = re.compile(r"no such table|relation \S+ does not exist|table \S+ doesn't exist", re.I)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Cause:
    """A cause that can be recognized in a driver's message.

    Attributes:
        pattern: Searched for in the message.
        expected: What was expected of the store; ``{}`` stands for its address.
        advice: What the user can do.
    """

    pattern: re.Pattern[str]
    expected: str
    advice: str


def _cause(pattern: str, expected: str, advice: str) -> _Cause:
    return _Cause(re.compile(pattern, re.IGNORECASE), expected, advice)


# The first that matches is taken. Messages of PostgreSQL come before those of MySQL: "too many
# connections" alone is MySQL's, where PgBouncer does not help.
CAUSES = (
    _cause(
        r"too many clients|too many connections for|connection slots are reserved|"
        r"no more connections allowed|query_wait_timeout",
        "a free connection to the store at {}",
        "Raise max_connections of the server, or put PgBouncer in front of it.",
    ),
    _cause(
        r"too many connections|max_user_connections",
        "a free connection to the store at {}",
        "Raise max_connections of the server.",
    ),
    _cause(
        r"read-?only",
        "a writable store at {}",
        "Wait until it is writable, or use another one (--storage or TUNER_STORAGE).",
    ),
    _cause(
        r"disk is full|disk full|no space left|table .* is full",
        "free disk space for the store at {}",
        "Free some space on its disk.",
    ),
)
UNKNOWN_CAUSE = _cause(
    "",
    "the store at {} to answer",
    "Check that it is running and that the address is right (--storage or TUNER_STORAGE).",
)


@contextmanager
def reachable(url: URL) -> Iterator[None]:
    """Translates database errors that are raised inside the block.

    Args:
        url: The address for the message, which is shown without its password.

    Raises:
        StoreUnreachable: The database does not answer, or refuses to work for now.
        StoreLost: The database is damaged, or its tables are gone.
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, StorageInternalError) as e:
        # Optuna wraps SQLAlchemy's errors: the cause is the original one.
        error = e.__cause__ if isinstance(e, StorageInternalError) else e
        if _is_damaged(error):
            reason = _reason(error, url)
            raise StoreLost(
                f"Expected a usable database at {urls.redact(url)}. Received: {reason}."
            ) from e
        if _is_away(error):
            raise unreachable(url, error) from e
        raise


def _is_away(error: BaseException | None) -> bool:
    # SQLAlchemy sets this flag by driver and message, whatever the class of the exception is.
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    # sqlite3 raises OperationalError for wrong SQL too, which no repetition would cure.
    return isinstance(error, AWAY) and _sqlite_code(error) != SQL_ERROR


def _is_damaged(error: BaseException | None) -> bool:
    if _sqlite_code(error) in DAMAGED:
        return True
    return isinstance(error, sa.exc.DBAPIError) and bool(TABLES_GONE.search(str(error.orig)))


def _sqlite_code(error: BaseException | None) -> int | None:
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the rest is the extended part of the code


def unreachable(url: URL, error: BaseException | None) -> StoreUnreachable:
    """Returns the error in one line, without the password and SQLAlchemy's link to its manual."""
    reason = _reason(error, url)
    cause = next((cause for cause in CAUSES if cause.pattern.search(reason)), UNKNOWN_CAUSE)
    where = cause.expected.format(urls.redact(url))
    return StoreUnreachable(f"Expected {where}. Received: {_short(reason)}. {cause.advice}")


def _reason(error: BaseException | None, url: URL) -> str:
    """The driver's message in one line, without the password."""
    # The driver's exception itself: SQLAlchemy's text adds the statement and its parameters.
    reason = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")
    return reason.replace(f":{url.password}@", ":***@") if url.password else reason


def _short(reason: str) -> str:
    """The end of PostgreSQL's message: it repeats the address before ``FATAL:``."""
    point = reason.rpartition("FATAL: ")[2].strip()
    return (
        point if len(point) <= LONGEST_REASON else f"{point[: LONGEST_REASON - 2]}.."
    )  # a full stop follows


def patiently(
    call: Callable[[], Answer],
    *,
    seconds: float,
    wait: Callable[[float], object] = time.sleep,
    say: Callable[[str], object] = lambda _: None,
) -> Answer:
    """Repeats a call until the store answers, so that a short outage does not end a process.

    Args:
        call: The call; it must be repeatable.
        seconds: Time after which to give up.
        wait: Called with the seconds until the next attempt; an exception of it ends the waiting.
        say: Called once, with the reason why the store cannot be reached.

    Returns:
        What ``call`` returned.

    Raises:
        StoreUnreachable: The store was unreachable for all that time.
    """
    started, reported = time.monotonic(), False
    while True:
        try:
            return call()
        except StoreUnreachable as e:
            if time.monotonic() - started > seconds:
                raise
            if not reported:
                say(str(e))
            reported = True
            wait(PAUSE)
