"""The command line in an empty folder, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage import studies
from storage.database.engine import Store, open_store
from storage.studies import Study
from tests.support.typed import Typed


@pytest.fixture
def tuner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Commands, typed in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUNER_STORAGE", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    return Typed(tmp_path)


@dataclass(frozen=True)
class Launched:
    """A study that was launched without workers, and its open store."""

    store: Store
    study: Study


@pytest.fixture
def launched(tuner: Typed) -> Iterator[Launched]:
    """A study of four trials named `mlp-digits`."""
    result = tuner("launch", "mlp", "--data", "digits", "--trials", "4", "--workers", "0")
    assert result.exit_code == 0, result.stderr
    store = open_store("sqlite:///tuner.db", create=False)
    yield Launched(store, studies.load(store, "mlp-digits"))
    store.close()
