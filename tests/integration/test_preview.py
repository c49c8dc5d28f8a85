"""A study that is only looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tuner.cli import main

pytestmark = pytest.mark.keras

BROKEN = """
def build(trial, inputs, outputs):
    if trial.suggest_int("layers", 1, 9) > 5:
        raise ValueError("too deep")
    import keras
    x = keras.Input(inputs.shape)
    return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(x))
"""


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUNER_STORAGE", raising=False)
    return tmp_path


def test_a_study_is_shown_and_not_made(empty: Path) -> None:
    """The sizes are those of the models, the time is that of all trials."""
    words = [
        "launch",
        "mlp",
        "--data",
        "digits",
        "--dry-run",
        "--trials",
        "40",
        "--set",
        "layers=1",
    ]
    result = CliRunner().invoke(main, [*words, "--workers", "1", "--json"])
    assert result.exit_code == 0, result.stderr
    shown = json.loads(result.stdout)
    assert (shown["study"], shown["trials"]) == ("mlp-digits", 40)
    assert shown["definition"]["overrides"] == ["layers=1"]
    for model in shown["models"]:
        units = model["hyperparameters"]["units_0"]
        normalised = {"none": 0, "before": 3 * units, "after": 4 * units}  # without a bias before
        extra = normalised[model["hyperparameters"]["normalization"]]
        assert model["parameters"] == 64 * units + units + units * 10 + 10 + extra
    mean = sum(model["seconds"] for model in shown["models"]) / len(shown["models"])
    assert shown["seconds"] == pytest.approx(40 * mean)
    assert list(empty.iterdir()) == []


def test_models_that_cannot_be_built_are_one_line(empty: Path) -> None:
    """And no store is made."""
    (empty / "net.py").write_text(BROKEN)
    result = CliRunner().invoke(main, ["launch", "net.py:build", "--data", "digits", "--dry-run"])
    assert result.exit_code == 2
    assert "ValueError: too deep" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (empty / "tuner.db").exists()
