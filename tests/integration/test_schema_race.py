"""Any number of processes may meet on an empty database; the tables are made once."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from storage.database.engine import open_store
from tests.support.concurrency import race

PROCESSES = 8


def open_and_use(url: str) -> None:
    """What a worker does first: open the store and read it."""
    store = open_store(url)
    try:
        store.optuna.get_all_studies()
    finally:
        store.close()


@pytest.mark.mariadb
@pytest.mark.parametrize("attempt", range(2))
def test_processes_that_open_an_empty_database_together_all_succeed(store_url: str, attempt: int):
    """None of eight fails, and every version table holds exactly one row."""
    assert race(open_and_use, store_url, processes=PROCESSES) == [None] * PROCESSES

    store = open_store(store_url, create=False)
    try:
        with store.read() as connection:
            tables = sa.inspect(connection).get_table_names()
            versions = [table for table in tables if "version" in table]
            rows = {
                table: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table)))
                for table in versions
            }
        assert rows
        assert set(rows.values()) == {1}
    finally:
        store.close()
