"""One empty store on SQLite, for tests of rules rather than of databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.database.engine import Store, open_store


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()
