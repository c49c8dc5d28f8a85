"""The command line in an empty folder, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage import studies
from storage.database.engine import Store, open_store
from storage.files.artifacts import Artifacts
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


@pytest.fixture(scope="session")
def first_launch(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """What `launch` made in a folder of its own."""
    folder = tmp_path_factory.mktemp("launched")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("TUNER_STORAGE", raising=False)
        words = ("mlp", "--data", "digits", "--trials", "4", "--workers", "0")
        result = Typed(folder)("launch", *words)
        assert result.exit_code == 0, result.stderr
    with closing(open_store(f"sqlite:///{folder / 'tuner.db'}", create=False)) as store:
        return studies.load(store, "mlp-digits")


@pytest.fixture
def launched(tuner: Typed, first_launch: Study, empty_sqlite_store: Path) -> Iterator[Launched]:
    """A study of four trials named `mlp-digits`, as if it had been launched here."""
    shutil.copy(empty_sqlite_store, tuner.folder / "tuner.db")
    spec = {**first_launch.spec, "artifacts": str(tuner.folder / "tuner-artifacts")}
    lease = first_launch.lease_seconds
    with closing(open_store("sqlite:///tuner.db", create=False)) as store:
        made = studies.create(store, name="mlp-digits", spec=spec, budget=4, lease_seconds=lease)
        Artifacts(spec["artifacts"], made).mark()
        yield Launched(store, studies.load(store, "mlp-digits"))
