"""Digits that are even, above 4, prime, or several of these: from launch to predictions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sklearn.datasets import load_digits

from tests.support.terminal import Terminal

pytestmark = [pytest.mark.keras, pytest.mark.slow]

NAMES = ["even", "above 4", "prime"]


def table() -> pd.DataFrame:
    """Pixels by name, and what is true of each digit."""
    digits = load_digits(as_frame=True)
    y = digits.target
    return digits.data.assign(
        **{"even": y % 2 == 0, "above 4": y > 4, "prime": y.isin([2, 3, 5, 7])}
    ).astype(dict.fromkeys(NAMES, int))


def test_labels_from_launch_to_predictions(tmp_path: Path) -> None:
    """Every command that looks at answers takes them for labels, by their names."""
    tuner, rows = Terminal(tmp_path), table()
    rows.to_csv(tmp_path / "digits.csv", index=False)
    launch = ["launch", "mlp", "--data", "digits.csv", "--target", ",".join(NAMES)]
    fixed = ("--set", "epochs=10", "--set", "normalization=none")
    ended = tuner(*launch, "--trials", "3", "--workers", "2", *fixed)
    assert ended.returncode == 0, ended.stderr
    scores = tuner.json("evaluate", "mlp-digits")
    assert scores["accuracy"] > 0.95
    assert [label["label"] for label in scores["labels"]] == NAMES
    best = tuner.json("best", "mlp-digits")
    assert best["metrics"]["test_accuracy"] == pytest.approx(scores["accuracy"], abs=1e-6)
    assert best["metrics"]["test_loss"] == pytest.approx(scores["loss"], abs=1e-5)
    assert tuner("report", "mlp-digits", "--output", "report.md").returncode == 0
    assert "| above 4 |" in (tmp_path / "report.md").read_text()
    assert tuner("export", "mlp-digits", "model.keras").returncode == 0
    rows.head(200).to_csv(tmp_path / "new.csv", index=False)
    answers = tuner.json("predict", "model.keras", "new.csv")
    right = 0
    for answer, (_, row) in zip(answers, rows.head(200).iterrows(), strict=True):
        named = [name for name in NAMES if answer[f"p({name})"] > 0.5]
        assert answer["prediction"] == ", ".join(named)
        right += named == [name for name in NAMES if row[name]]
    assert right > 170
    assert tuner.json("rerun", "mlp-digits", "0")["identical"]
    assert tuner("ensemble", "mlp-digits", "--top", "2", "-o", "mean.keras").returncode == 0


def test_several_numbers_from_launch_to_predictions(tmp_path: Path) -> None:
    """Predicted in their own units, under their own names."""
    tuner = Terminal(tmp_path)
    frame = load_digits(as_frame=True).data
    ink, left = frame.sum(axis=1), frame.iloc[:, [i for i in range(64) if i % 8 < 4]].sum(axis=1)
    rows = frame.assign(ink=ink, left=left)
    rows.to_csv(tmp_path / "ink.csv", index=False)
    launch = ["launch", "mlp", "--data", "ink.csv", "--target", "ink,left"]
    ended = tuner(*launch, "--trials", "2", "--workers", "2", "--set", "epochs=10")
    assert ended.returncode == 0, ended.stderr
    assert min(t["r2"] for t in tuner.json("evaluate", "mlp-ink")["targets"]) > 0.9
    assert tuner("export", "mlp-ink", "model.keras").returncode == 0
    (answer, *_) = tuner.json("predict", "model.keras", "ink.csv")
    assert answer["prediction_ink"] == pytest.approx(ink[0], rel=0.2)
    assert answer["prediction_left"] == pytest.approx(left[0], rel=0.2)
