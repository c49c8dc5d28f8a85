"""Stores with studies whose trials nobody trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from storage.engine import Store, open_store
from tests.unit.cli.conftest import Typed


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


def refused(result: Result) -> str:
    """The one line that a refused command prints."""
    assert (result.exit_code, result.stdout) == (2, ""), result
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr
