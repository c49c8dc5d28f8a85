"""Inserts as every dialect does them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_row(c: Connection, table: Table, **values: Any) -> int:
    """Inserts a row whose number the database gives, and returns that number."""
    key = c.execute(table.insert().values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def insert_once(c: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows; one whose key is there already stays as it is.

    So it may be repeated: after a lost connection nobody knows whether the first one was done.
    Values that are SQL expressions are taken from a single row only.
    """
    if not rows:
        return
    if c.dialect.name == "mysql":  # INSERT IGNORE would pass over a missing parent row too
        key = next(iter(table.primary_key))
        c.execute(mysql.insert(table).values(list(rows)).on_duplicate_key_update({key.name: key}))
        return
    insert = sqlite.insert if c.dialect.name == "sqlite" else postgresql.insert
    c.execute(insert(table).values(list(rows)).on_conflict_do_nothing())
