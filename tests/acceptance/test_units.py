"""A regression in the unit of its targets, from launch to the exported model in plain Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from tests.support.terminal import Terminal

pytestmark = [pytest.mark.keras, pytest.mark.slow]

LAUNCH = ("launch", "mlp", "--target", "y", "--workers", "1", "--set", "epochs=4", "--study", "s")


def test_what_trials_are_compared_by_is_true_of_the_exported_model(tmp_path: Path) -> None:
    """Whatever is told of the best trial can be computed from its file, as can the ranking."""
    random, tuner = np.random.default_rng(0), Terminal(tmp_path)
    parts = {}
    for name, rows in (("train", 301), ("validation", 77), ("test", 51)):
        frame = pd.DataFrame(random.normal(size=(rows, 2)), columns=["a", "b"])
        parts[name] = frame.assign(y=1000 + 50 * frame["a"] + 20 * frame["b"])
        parts[name].to_csv(tmp_path / f"{name}.csv", index=False)
    others = ("--validation-data", "validation.csv", "--test-data", "test.csv")
    named = ("--objective", "mape", "--metric", "mae", "--metric", "rmse", "--pruner", "none")
    ended = tuner(*LAUNCH, "--data", "train.csv", *others, *named, "--trials", "2")
    assert ended.returncode == 0, ended.stderr
    trials = tuner.json("trials", "s")
    for trial in trials:
        path = f"model-{trial['number']}.keras"
        assert tuner("export", "s", path, "--trial", str(trial["number"])).returncode == 0
        model = keras.saving.load_model(tmp_path / path)
        for prefix, part in (("val_", "validation"), ("test_", "test")):
            rows = parts[part]
            y, p = rows["y"].to_numpy(), model.predict(rows[["a", "b"]].to_numpy(), verbose=0)[:, 0]
            told = {n: trial["metrics"][f"{prefix}{n}"] for n in ("loss", "mape", "mae", "rmse")}
            mape = 100 * sk.mean_absolute_percentage_error(y, p)
            assert told["mape"] == pytest.approx(mape, rel=1e-3)
            assert told["mae"] == pytest.approx(sk.mean_absolute_error(y, p), rel=1e-3)
            assert told["rmse"] == pytest.approx(sk.root_mean_squared_error(y, p), rel=1e-3)
            assert told["loss"] >= sk.mean_squared_error(y, p) * 0.999  # and a penalty of weights
        assert trial["value"] == trial["metrics"]["val_mape"]
    scores = tuner.json("evaluate", "s")
    best = min(trials, key=lambda trial: trial["value"])
    assert scores["trial"] == best["number"]
    assert scores["rmse"] == pytest.approx(best["metrics"]["test_rmse"], rel=1e-3)
    assert scores["mape"] == pytest.approx(best["metrics"]["test_mape"], rel=1e-5)
    assert scores["loss"] == pytest.approx(best["metrics"]["test_loss"], rel=1e-5)
    assert scores.get("mse", scores["loss"]) == pytest.approx(scores["rmse"] ** 2, rel=1e-3)


def test_what_says_nothing_of_the_targets_is_refused(tmp_path: Path) -> None:
    """One line, before anything is made."""
    tuner = Terminal(tmp_path)
    frame = pd.DataFrame({"a": np.arange(60.0), "y": np.arange(60.0) / 7})
    frame.to_csv(tmp_path / "zero.csv", index=False)
    for words in (("--objective", "mape"), ("--set", "loss=cosine_similarity"), ("--metric", "f1")):
        ended = tuner(*LAUNCH, "--data", "zero.csv", *words)
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        assert line.startswith("Error: Expected ")
        assert len(line) <= 307
        assert not (tmp_path / "tuner.db").exists()
