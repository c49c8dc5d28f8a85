"""A store and the processes that work on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fork_server import Nursery
from tests.support.working import Workplace, workplace


@pytest.fixture(scope="module")
def place(processes: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """One SQLite store for all tests of a file: each has a study of its own."""
    folder = tmp_path_factory.mktemp("place")
    with workplace(f"sqlite:///{folder / 'store.db'}", folder, processes) as made:
        yield made
