"""Inserts that may be repeated: after a lost connection nobody knows whether the first one was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_once(c: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows; one whose key is there already stays as it is.

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
