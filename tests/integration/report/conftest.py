"""Stores with studies whose trials nobody trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database.engine import Store, open_store
from tests.support.typed import Typed


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Commands, typed in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUNER_STORAGE", raising=False)
    return Typed(tmp_path)


@pytest.fixture
def store(typed: Typed) -> Iterator[Store]:
    """The store that those commands find."""
    opened = open_store("sqlite:///tuner.db")
    yield opened
    opened.close()
