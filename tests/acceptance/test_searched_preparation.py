"""Columns and resampling are searched: a study file, and every command that prepares rows again."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.support.terminal import Terminal

pytestmark = [pytest.mark.keras, pytest.mark.slow]

STUDY = """
space = "mlp"
data = "rows.npz"
study = "s"
trials = 2
workers = 1
sampler = "grid"
folds = 2
data-seed = 3
keep = 2

[set]
features = ["pca:3", "kbest:4"]
resampling = "smote"
epochs = 1
layers = 1
units = 8
activation = "relu"
normalization = "none"
dropout = 0
penalty = 0
optimizer = "sgd"
momentum = 0.9
nesterov = true
learning_rate = 0.01
schedule = "constant"
batch_size = 16
"""


@pytest.fixture(scope="module")
def tuner(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    folder = tmp_path_factory.mktemp("preparation")
    x = np.random.default_rng(0).normal(size=(200, 6))
    np.savez(folder / "rows.npz", x=x, y=x[:, 0] + x[:, 1] > 1.2)
    (folder / "study.toml").write_text(STUDY)
    terminal = Terminal(folder)
    ended = terminal("launch", "study.toml")
    assert ended.returncode == 0, ended.stderr
    assert "rows of shape 6; rows 160 in 2 folds, 40 test" in ended.stdout
    return terminal


def probabilities(path: Path, rows: np.ndarray) -> np.ndarray:
    model = keras.saving.load_model(path)
    assert model.input_shape == (None, 6)
    return np.asarray(model.predict(rows, verbose=0))[:, 0].astype(np.float64)


def test_models_take_raw_rows(tuner: Terminal) -> None:
    """Of each trial, whose card says how its rows were prepared; so does an ensemble of both."""
    rows = np.load(tuner.folder / "rows.npz")["x"]
    answers = []
    for number, features in enumerate(("pca:3", "kbest:4")):
        path = tuner.folder / f"{number}.keras"
        assert tuner("export", "s", str(path), "--trial", str(number)).returncode == 0
        data = json.loads(path.with_suffix(".json").read_text())["data"]
        assert data["preparation"] == {"features": features, "resampling": "smote"}
        assert data["shape"] == [6]
        assert data["rows"]["train"] > 80, "of which a fold has 80 before they are drawn"
        answers.append(probabilities(path, rows))
    assert tuner("ensemble", "s", "-o", "mean.keras").returncode == 0
    mean = probabilities(tuner.folder / "mean.keras", rows)
    np.testing.assert_allclose(mean, np.mean(answers, axis=0), atol=1e-5)


def test_commands_that_prepare_rows_again(tuner: Terminal) -> None:
    """A trial comes out the same; its scores are those of rows that were not drawn."""
    assert tuner.json("rerun", "s", "0")["identical"]
    assert tuner.json("evaluate", "s", "--trial", "1")["rows"] == 40
    assert tuner("refit", "s", "-o", "refit.keras", "--trial", "0").returncode == 0
    rows = json.loads((tuner.folder / "refit.json").read_text())["data"]["rows"]
    labels = np.load(tuner.folder / "rows.npz")["y"]
    assert rows["test"] == 40
    assert rows["train"] == pytest.approx(1.6 * (~labels).sum(), abs=2)
    assert tuner("predict", "refit.keras", "rows.npz", "-o", "answers.csv").returncode == 0
    assert tuner("report", "s", "--output", "report.html").returncode == 0
    assert "Left out" not in (tuner.folder / "report.html").read_text()


OWN = """
import keras
import numpy as np
from search_spaces import Int, SearchSpace

class Net(SearchSpace):
    columns = Int(2, 6)

    def data(self, hyperparameters, data):
        columns = hyperparameters["columns"]
        kept = {name: data[name][:, :columns] for name in ("x_train", "x_val", "x_test")}
        twice = np.concatenate([kept["x_train"], kept["x_train"] + 0.1])
        return {**kept, "x_train": twice, "y_train": np.tile(data["y_train"], 2)}

    def build(self, hyperparameters, inputs, outputs):
        x = keras.Input(inputs.shape)
        return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(x))
"""


def test_rows_that_a_space_changes(tuner: Terminal) -> None:
    """The model takes them as they are made; commands that need them make them again."""
    (tuner.folder / "net.py").write_text(OWN)
    words = ("--data", "rows.npz", "--study", "own", "--trials", "1", "--set", "columns=2,3")
    ended = tuner("launch", "net.py:Net", *words, "--workers", "1", "--set", "epochs=1")
    assert ended.returncode == 0, ended.stderr
    (trial,) = tuner.json("trials", "own")
    columns = trial["params"]["columns"]
    assert tuner("export", "own", "own.keras").returncode == 0
    card = json.loads((tuner.folder / "own.json").read_text())["data"]
    assert card["shape"] == [columns]
    assert card["rows"] == {"train": 240, "validation": 40, "test": 40}
    assert keras.saving.load_model(tuner.folder / "own.keras").input_shape == (None, columns)
    assert tuner.json("rerun", "own", "0")["identical"]
    assert tuner.json("evaluate", "own")["rows"] == 40
