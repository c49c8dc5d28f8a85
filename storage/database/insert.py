"""Inserts for all dialects: SQLite, PostgreSQL, MySQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_row(c: Connection, table: Table, **values: Any) -> int:
    """Inserts a row and returns its generated primary key."""
    key = c.execute(table.insert().values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def insert_once(c: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, but ignores those whose key exists already.

    So the call can be repeated: after a lost connection the caller cannot know whether the first
    one was committed. SQL expressions as values are possible with a single row only.
    """
    if not rows:
        return
    if c.dialect.name == "mysql":  # INSERT IGNORE would also ignore a missing parent row
        key = next(iter(table.primary_key))
        c.execute(mysql.insert(table).values(list(rows)).on_duplicate_key_update({key.name: key}))
        return
    insert = sqlite.insert if c.dialect.name == "sqlite" else postgresql.insert
    c.execute(insert(table).values(list(rows)).on_conflict_do_nothing())
