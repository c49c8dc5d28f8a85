"""Rows are streamed or held as the launch chose, once for all workers."""

from __future__ import annotations

from typing import Any

import click
import pytest

from storage import studies
from storage.database.engine import open_store
from tests.support.typed import Typed
from tuner.api.cli_options import typed_options
from tuner.study_setup.validation_plan import ValidationPlan

SOURCE = """
import numpy as np

X = np.random.RandomState(0).normal(size=(90, 3))
Y = (X[:, 0] > 0).astype(int)


def rows():
    return ((X[i], Y[i]) for i in np.random.permutation(50)), (X[50:], Y[50:])
"""


@pytest.fixture
def launched(tuner: Typed, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Launches a study of a stream in this process, without TensorFlow; its ``data.stream``."""
    monkeypatch.setattr(ValidationPlan, "needs_keras", False)
    (tuner.folder / "own.py").write_text(SOURCE)

    def launch(study: str, *words: str) -> tuple[click.testing.Result, bool]:
        result = tuner("launch", *words, "--study", study, "--workers", "0")
        store = open_store("sqlite:///tuner.db", create=False)
        spec = studies.load(store, study).spec
        store.close()
        return result, spec["data"]["stream"]

    return launch


WORDS = ("mlp", "--data", "own.py:rows")


def test_a_study_keeps_what_was_chosen(launched: Any):
    """Launched again, it goes on so, whatever would be chosen now; other words are refused."""
    for study, words, is_streamed in (("s", (), True), ("h", ("--no-stream",), False)):
        result, stream = launched(study, *WORDS, *words)
        assert (result.exit_code, stream) == (0, is_streamed), result.stderr
        result, stream = launched(study, *WORDS)
        assert (result.exit_code, stream) == (0, is_streamed), result.stderr
    assert "are streamed in every epoch (--no-stream holds them)" in launched("t", *WORDS)[0].stderr
    result, _ = launched("s", *WORDS, "--no-stream")
    assert result.exit_code == 2
    assert "data.stream: False instead of True" in result.stderr


def test_files_and_python_say_it_too(tuner: Typed, launched: Any):
    """``false`` is ``--no-stream``; nothing leaves the choice to the launch."""
    for word, is_streamed in (("", True), ("stream = true", True), ("stream = false", False)):
        text = f'space = "mlp"\ndata = "own.py:rows"\n{word}\n'
        (tuner.folder / "study.toml").write_text(text)
        result, stream = launched(f"file{len(word)}", "study.toml")
        assert (result.exit_code, stream) == (0, is_streamed), result.stderr
    for value in (None, True, False):
        assert typed_options("mlp", {"data": "own.py:rows", "stream": value}).stream is value
