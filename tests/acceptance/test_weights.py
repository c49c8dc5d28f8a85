"""Weighted rows and a loss of one's own choice: every command tells the number that is true."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from tests.support.terminal import Terminal

pytestmark = [pytest.mark.keras, pytest.mark.slow]

METRICS = ("--metric", "f1", "--metric", "log_loss", "--objective", "auc")
LAUNCH = (
    "launch", "mlp", "--data", "train.csv", "--target", "y", "--study", "s", "--trials", "2",
    "--validation-data", "validation.csv", "--test-data", "test.csv", "--weights", "w",
    "--workers", "1", "--set", "epochs=2", "--set", "layers=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(0)
    made = {}
    for scale, (name, rows) in enumerate({"train": 200, "validation": 90, "test": 80}.items()):
        frame = pd.DataFrame(random.normal(size=(rows, 2)), columns=["a", "b"])
        late = frame["a"] + random.normal(size=rows) > 0.4
        weights = 10.0**scale * random.uniform(0.1, 3, rows)
        made[name] = frame.assign(y=np.where(late, "yes", "no"), w=weights)
    return made


@pytest.fixture(scope="module")
def tuner(tmp_path_factory: pytest.TempPathFactory, parts: dict[str, pd.DataFrame]) -> Terminal:
    folder = tmp_path_factory.mktemp("weights")
    for name, frame in parts.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    terminal = Terminal(folder)
    ended = terminal(*LAUNCH, *METRICS, "--set", "loss=mae", "--set", "penalty=0")
    assert ended.returncode == 0, ended.stderr
    assert "weights count in losses, not in other metrics" in ended.stdout
    return terminal


def _probabilities(path: Path, rows: pd.DataFrame) -> np.ndarray:
    model = keras.saving.load_model(path)
    return model.predict(rows[["a", "b"]].to_numpy(), verbose=0)[:, 0].astype(np.float64)


def test_one_name_is_one_number(tuner: Terminal, parts: dict[str, pd.DataFrame]) -> None:
    """Of `best`, of `evaluate`, and of scikit-learn on the exported model's probabilities."""
    best, scores = tuner.json("best", "s"), tuner.json("evaluate", "s")
    path = tuner.folder / "model.keras"
    assert tuner("export", "s", str(path)).returncode == 0
    for part in ("validation", "test"):
        rows = parts[part]
        p, y = _probabilities(path, rows), (rows["y"] == "yes").to_numpy().astype(int)
        expected = {
            "loss": sk.mean_absolute_error(y, p, sample_weight=rows["w"]),
            "log_loss": sk.log_loss(y, p),
            "auc": sk.roc_auc_score(y, p),
            "f1": sk.f1_score(y, p > 0.5),
            "accuracy": sk.accuracy_score(y, p > 0.5),
        }
        prefix = "val_" if part == "validation" else "test_"
        for name, value in expected.items():
            assert best["metrics"][prefix + name] == pytest.approx(value, abs=1e-5), name
            if part == "test":
                assert scores[name] == pytest.approx(value, abs=1e-5), name
    assert scores["f1_macro"] == pytest.approx(sk.f1_score(y, p > 0.5, average="macro"))
    assert "The loss is what the trial learned by: mae." in tuner("evaluate", "s").stdout


def test_an_ensemble_is_judged_by_the_objective(
    tuner: Terminal, parts: dict[str, pd.DataFrame]
) -> None:
    """Which stands first in its table; its card has f1 as the cards of its members do."""
    ended = tuner("ensemble", "s", "--top", "2", "--output", "mean.keras")
    assert ended.returncode == 0, ended.stderr
    rows = parts["validation"]
    y = (rows["y"] == "yes").to_numpy().astype(int)
    card = json.loads((tuner.folder / "mean.json").read_text())
    p = _probabilities(tuner.folder / "mean.keras", rows)
    told = card["metrics"]["validation"]
    assert told["f1"] == pytest.approx(sk.f1_score(y, p > 0.5))
    assert told["loss"] == pytest.approx(
        sk.mean_absolute_error(y, p, sample_weight=rows["w"]), abs=1e-5
    )
    assert told["auc"] == pytest.approx(sk.roc_auc_score(y, p))
    trials = {trial["number"]: trial["metrics"] for trial in tuner.json("trials", "s")}
    for member in card["members"]:
        for name in ("loss", "f1", "auc", "log_loss"):
            stored = trials[member["trial"]][f"val_{name}"]
            assert member["metrics"]["validation"][name] == pytest.approx(stored, abs=1e-5), name
    helps = told["auc"] > max(trials[member["trial"]]["val_auc"] for member in card["members"])
    verdict = "helps" if helps else "does not help"
    assert f"Averaging {verdict} on validation data: auc {told['auc']:.4g}" in ended.stdout
