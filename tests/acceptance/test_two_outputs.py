"""The example with two outputs, from launch to a file that answers with a dict."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.support.plain_keras import run_without_project
from tests.support.sources import ROOT
from tests.support.terminal import Terminal
from tuner.datasets import DataSpec, load

pytestmark = [pytest.mark.keras, pytest.mark.slow]

AS_PLAIN_KERAS = """
import keras, numpy as np
answers = keras.saving.load_model("model.keras").predict(np.load("rows.npz")["x"], verbose=0)
np.savez("answers.npz", **answers)
"""


def test_two_outputs_from_launch_to_predictions(tmp_path: Path) -> None:
    """An example of this repository, with every command that looks at answers."""
    shutil.copy(ROOT / "examples" / "two_outputs.py", tmp_path)
    tuner = Terminal(tmp_path)
    source = ["--data", "two_outputs.py:digits"]
    launch = ["launch", "two_outputs.py:Shared", *source, "--set", "epochs=10"]
    ended = tuner(*launch, "--study", "both", "--trials", "3", "--workers", "2")
    assert ended.returncode == 0, ended.stderr
    best, scores = tuner.json("best", "both"), tuner.json("evaluate", "both")
    assert best["metrics"]["test_loss"] == pytest.approx(scores["loss"], abs=1e-5)
    assert scores["outputs"]["digit"]["accuracy"] > 0.8
    assert scores["outputs"]["ink"]["r2"] > 0.5
    shown = tuner("evaluate", "both").stdout
    assert shown.index("Output digit:") < shown.index("Output ink:")
    assert tuner("export", "both", "model.keras").returncode == 0
    card = json.loads((tmp_path / "model.json").read_text())
    assert "digit: the probability of each class" in card["predictions"]
    data = load(DataSpec(source=f"{tmp_path / 'two_outputs.py'}:digits"))
    known = data.raw_targets("test")
    np.savez(tmp_path / "rows.npz", x=data.raw("test"))
    answers = tuner.json("predict", "model.keras", "rows.npz")
    right = [a["digit_prediction"] == y for a, y in zip(answers, known["digit"], strict=True)]
    assert np.mean(right) == pytest.approx(scores["outputs"]["digit"]["accuracy"])
    off = [abs(a["ink_prediction"] - y) for a, y in zip(answers, known["ink"], strict=True)]
    assert np.mean(off) == pytest.approx(scores["outputs"]["ink"]["mae"], abs=1e-4)
    squares = pytest.approx(np.square(off).mean(), rel=1e-3)  # in the unit of the targets
    assert best["metrics"]["test_ink_loss"] == squares == scores["outputs"]["ink"]["loss"]
    run_without_project(AS_PLAIN_KERAS, folder=tmp_path)
    plain = np.load(tmp_path / "answers.npz")
    assert (plain["digit"].argmax(axis=1) == known["digit"]).mean() == pytest.approx(np.mean(right))
    assert np.abs(plain["ink"][:, 0] - known["ink"]).mean() == pytest.approx(np.mean(off), abs=1e-4)
    assert tuner("ensemble", "both", "--top", "2", "-o", "mean.keras").returncode == 0
    assert tuner("report", "both", "--output", "report.md").returncode == 0
    report = (tmp_path / "report.md").read_text()
    assert "digit: Confusion matrix on the test part" in report
    assert "ink: Residuals on the test part" in report
