"""Masks, from launch to a file that answers each pixel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.plain_keras import run_without_project
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.keras, pytest.mark.slow]

CODE = """
import keras, numpy as np
from sklearn.datasets import load_digits

def strokes(rows=240):
    clean = load_digits().images[:rows, ..., None] / 16
    noise = np.random.default_rng(0).normal(0, 0.3, clean.shape)
    mask = (clean > 0.5).astype("uint8") * 255
    mask[:, 0] = 7
    return (clean + noise).astype("float32"), mask

def build(trial, inputs, outputs):
    filters = trial.suggest_int("filters", 4, 8)
    pixels = keras.Input(inputs.shape)
    hidden = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(pixels)
    head = keras.layers.Conv2D(outputs.units, 1, activation=outputs.activation)
    return keras.Model(pixels, head(hidden))

def flat(trial, inputs, outputs):
    pixels = keras.Input(inputs.shape)
    return keras.Model(pixels, keras.layers.Dense(1, "sigmoid")(keras.layers.Flatten()(pixels)))

def masked(trial, inputs, outputs):
    rows = keras.Input(inputs.shape)
    hidden = keras.layers.LSTM(4, return_sequences=True)(keras.layers.Masking()(rows))
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(hidden))

def steps():
    x = np.random.default_rng(0).normal(size=(40, 5, 1))
    return x, (x > 0).astype(int)
"""

AS_PLAIN_KERAS = """
import keras, numpy as np
answers = keras.saving.load_model("model.keras").predict(np.load("rows.npz")["x"], verbose=0)
np.savez("plain.npz", p=answers)
"""


def test_masks_from_launch_to_predictions(tmp_path: Path) -> None:
    """With pixels that do not count, the same scores wherever they are told."""
    (tmp_path / "strokes.py").write_text(CODE)
    tuner = Terminal(tmp_path)
    launch = ["launch", "strokes.py:build", "--data", "strokes.py:strokes", "--mask-value", "7"]
    options = ["--set", "epochs=3", "--set", "optimizer=adam", "--metric", "iou"]
    ended = tuner(*launch, *options, "--study", "masks", "--trials", "2")
    assert ended.returncode == 0, ended.stderr
    assert "task binary for each of 8x8 pixels (0 " in ended.stdout + ended.stderr
    best, scores = tuner.json("best", "masks"), tuner.json("evaluate", "masks")
    for name in ("loss", "accuracy", "iou"):
        assert best["metrics"][f"test_{name}"] == pytest.approx(scores[name], abs=1e-5)
    assert sum(map(sum, scores["confusion"])) == scores["rows"] * 56
    assert tuner("rerun", "masks", str(scores["trial"])).returncode == 0
    assert tuner("refit", "masks", "-o", "again.keras").returncode == 0
    assert tuner("ensemble", "masks", "-o", "mean.keras").returncode == 0
    assert tuner("report", "masks", "--output", "report.md").returncode == 0
    assert tuner("export", "masks", "model.keras").returncode == 0
    card = json.loads((tmp_path / "model.json").read_text())
    assert card["predictions"] == "for each of 8x8 pixels: the probability of class 255"
    exec(CODE, scope := {})
    x, _ = scope["strokes"](20)
    np.savez(tmp_path / "rows.npz", x=x)
    assert "answers.npz" in tuner("predict", "model.keras", "rows.npz", "-o", "answers.npz").stdout
    answers = np.load(tmp_path / "answers.npz")
    assert answers["prediction"].shape == (20, 8, 8)
    assert set(np.unique(answers["prediction"])) == {0, 255}
    run_without_project(AS_PLAIN_KERAS, folder=tmp_path)
    plain = np.load(tmp_path / "plain.npz")["p"][..., 0]
    assert answers["probability"][..., 1] == pytest.approx(plain, abs=1e-6)
    refused = tuner("predict", "model.keras", "rows.npz", "-o", "answers.csv")
    assert refused.returncode == 2
    assert "Expected --output OUT.npz" in refused.stderr


@pytest.mark.parametrize(
    ("space", "data", "message"),
    [
        ("strokes.py:flat", "strokes.py:strokes", "values of shape (8, 8, 3). Received (1,)"),
        ("strokes.py:masked", "strokes.py:steps", "whose answer has no mask of Keras"),
        ("mlp", "strokes.py:strokes", "Expected one target a row for mlp. Received: one for each"),
    ],
)
def test_models_that_do_not_fit_are_refused(
    tmp_path: Path, space: str, data: str, message: str
) -> None:
    """In one line, before there is a study."""
    code = CODE.replace("* 255", "").replace("mask[:, 0] = 7", "mask[:, 0] = 2")
    (tmp_path / "strokes.py").write_text(code)
    ended = Terminal(tmp_path)("launch", space, "--data", data, "--trials", "1")
    assert ended.returncode == 2
    assert message in ended.stderr
    assert not (tmp_path / "tuner.db").exists()
