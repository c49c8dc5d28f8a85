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
