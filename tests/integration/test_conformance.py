"""Optuna's own contract for storages holds for ours, on every database."""

from __future__ import annotations

from collections.abc import Iterator

import optuna
import pytest
from optuna.testing.pytest_storages import StorageTestCase

from storage.database.engine import open_store


@pytest.mark.mariadb
class TestConformance(StorageTestCase):
    """Every test is inherited: what Optuna asks of a storage, asked of the one that we open."""

    @pytest.fixture
    def storage(self, store_url: str) -> Iterator[optuna.storages.BaseStorage]:
        """Our storage over an empty database."""
        store = open_store(store_url)
        yield store.optuna
        store.close()
