"""An empty store on every kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.engine import Store, open_store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Opened on SQLite, PostgreSQL and, where the test is marked so, MariaDB."""
    opened = open_store(store_url)
    yield opened
    opened.close()
