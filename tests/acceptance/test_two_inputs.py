"""The example with two inputs and a shared layer, from launch to a file that takes a dict."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.support.sources import ROOT
from tests.support.terminal import Terminal
from tuner.datasets import DataSpec, load

pytestmark = [pytest.mark.keras, pytest.mark.slow]


def test_two_inputs_from_launch_to_predictions(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "two_inputs.py", tmp_path)
    tuner = Terminal(tmp_path)
    launch = ["launch", "two_inputs.py:Siamese", "--data", "two_inputs.py:pairs", "--study", "same"]
    ended = tuner(*launch, "--trials", "3", "--workers", "2", "--set", "epochs=10")
    assert ended.returncode == 0, ended.stderr
    assert tuner("launch", "two_inputs.py:Siamese", "--data", "digits").returncode == 2
    best, scores = tuner.json("best", "same"), tuner.json("evaluate", "same")
    assert scores["accuracy"] > 0.7
    assert best["metrics"]["test_loss"] == pytest.approx(scores["loss"], abs=1e-5)
    assert tuner("export", "same", "model.keras").returncode == 0
    data = load(DataSpec(source=f"{tmp_path / 'two_inputs.py'}:pairs"))
    raw = data.raw("test")
    np.savez(tmp_path / "rows.npz", first=raw["first"], second=raw["second"])
    answers = tuner.json("predict", "model.keras", "rows.npz")
    right = [a["prediction"] == y for a, y in zip(answers, data.raw_targets("test"), strict=True)]
    assert np.mean(right) == pytest.approx(scores["accuracy"], abs=0.01)
    (tmp_path / "rows.csv").write_text("first,second\n1,2\n")
    refused = tuner("predict", "model.keras", "rows.csv")
    assert refused.returncode == 2
    assert "expected a .npz file with the arrays first, second" in refused.stderr
    np.savez(tmp_path / "half.npz", first=raw["first"])
    assert "add second" in tuner("predict", "model.keras", "half.npz").stderr
    assert tuner.json("rerun", "same", "0")["identical"]
    assert tuner("ensemble", "same", "--top", "2", "-o", "mean.keras").returncode == 0
    assert len(tuner.json("predict", "mean.keras", "rows.npz")) == len(answers)
    assert tuner("refit", "same", "-o", "final.keras").returncode == 0
    assert tuner("report", "same", "--output", "report.md").returncode == 0
    assert "Predictions of the best model" in (tmp_path / "report.md").read_text()
