"""Texts as numbers of words: from the cache of keras.datasets to a model file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces import Inputs, Outputs, SpaceError, catalog
from tests.support import warm
from tests.support.learning import point
from tests.support.sources import ROOT

pytestmark = pytest.mark.keras

GOOD, BAD = 40, 50  # words, in the files' own numbers: Keras adds 3
# Its checksum is not that of the real file.
HERE = """
import json, os, sys
from keras.src.backend import config
from keras.src.utils import file_utils
config._KERAS_DIR = os.environ["KERAS_HOME"]  # which Keras reads when it is imported
file_utils.validate_file = lambda *_, **__: True
import numpy as np
import keras
from search_spaces import SpaceError
from tests.support import learning
from tuner import datasets
from tuner.study_setup.validation import examine
from tuner.study_setup.validation_plan import ValidationPlan

spec = datasets.DataSpec(source=sys.argv[1])
data = datasets.load(spec)
raw = data.raw("test")
said = {
    "rows": [len(data.train), len(data.validation), len(data.test)],
    "shape": data.inputs.shape,
    "vocabulary": data.inputs.vocabulary,
    "task": data.outputs.task,
    "scaled": data.scaler is not None,
    "same": bool((data.test.x == raw).all()),
    "whole": raw.dtype.kind,
    "first": raw[0][-12:].tolist(),
    "padding": int((raw == 0).sum()),
    "refused": {},
}
for family in ("mlp", "cnn1d", "autoencoder", "rnn"):
    try:
        examine(ValidationPlan(space=family, overrides=(), data=spec, metrics=()))
    except SpaceError as e:
        said["refused"][family] = str(e)
if len(sys.argv) > 2:
    options = {"optimizer": "adam", "units": 8, "embedding": 8, "epochs": 20}
    done = learning.train("rnn", data, **options, learning_rate=0.02, pooling=sys.argv[2])
    said["accuracy"] = done.epochs[-1]["val_accuracy"]
    datasets.with_preprocessing(done.model, data).save("model.keras")
    opened = keras.saving.load_model("model.keras")
    answers = opened.predict(raw, verbose=0)[:, 0] > 0.5
    said["file"] = float((answers == data.raw_targets("test")).mean())
print(json.dumps(said))
"""


def texts(rows: int, seed: int) -> tuple[Any, Any]:
    """Texts of 3 to 12 words, one of which says whether it is good, as Keras's files hold them."""
    random = np.random.default_rng(seed)
    x, y = np.empty(rows, object), random.integers(0, 2, rows)
    for i, good in enumerate(y):
        x[i] = random.integers(100, 20_000, random.integers(3, 13)).tolist()
        x[i][random.integers(len(x[i]))] = GOOD if good else BAD
    return x, y


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for Keras's cache, filled as a download would."""
    (tmp_path / "datasets").mkdir()
    train, test = texts(600, 1), texts(200, 2)
    arrays = {"x_train": train[0], "y_train": train[1], "x_test": test[0], "y_test": test[1]}
    np.savez(tmp_path / "datasets" / "imdb.npz", **arrays)
    x, _ = texts(500, 3)
    np.savez(tmp_path / "datasets" / "reuters.npz", x=x, y=np.arange(500) % 46)
    return tmp_path


def told(home: Path, *arguments: str) -> dict[str, Any]:
    places = {"KERAS_HOME": home, "PYTHONPATH": ROOT, "TUNER_CACHE": home / "cache"}
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}}
    done = warm.run([sys.executable, "-c", HERE, *arguments], cwd=home, env=environment, text=True)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("pooling", ["average"])
def test_a_word_that_decides_is_found(home: Path, pooling: str) -> None:
    """In rows that reach the model as they are, whole and unscaled, and as the file takes them."""
    said = told(home, "imdb", pooling)
    assert said["rows"] == [480, 120, 200]
    assert (said["shape"], said["vocabulary"], said["task"]) == ([200], 10_000, "binary")
    assert (said["scaled"], said["same"], said["whole"]) == (False, True, "i")
    assert said["padding"] > 180 * 200
    assert max(said["first"]) < 10_000
    assert {"mlp", "cnn1d", "autoencoder"} == said["refused"].keys()
    for line in said["refused"].values():
        assert "Received: the numbers of 10000 words: take rnn" in line
        assert "\n" not in line
    objective = 0.8 if pooling == "average" else 0.95  # which the other words drown it in
    assert said["accuracy"] > objective
    assert said["file"] > objective


def test_reuters(home: Path) -> None:
    """Words as numbers, 200 a text, in classes; a recurrent network takes them."""
    said = told(home, "reuters")
    assert (said["shape"], said["vocabulary"], said["task"]) == ([200], 10_000, "classes")
    assert sum(said["rows"]) == 500
    assert "rnn" not in said["refused"]


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple"])
@pytest.mark.parametrize("pooling", ["last", "average"])
def test_what_fills_up_changes_nothing(cell: str, pooling: str) -> None:
    """A shorter text answers as one with zeros before it."""
    space = catalog.load("rnn", [f"cell={cell}", f"pooling={pooling}", "units=4", "layers=2"])
    text = np.array([[5, 7, 9, 3]])
    models = [
        space.build(point(space), Inputs(shape=(steps,), vocabulary=12), Outputs.for_task("binary"))
        for steps in (4, 9)
    ]
    models[1].set_weights(models[0].get_weights())
    short, long = models[0](text), models[1](np.pad(text, ((0, 0), (5, 0))))
    np.testing.assert_allclose(short, long, atol=1e-6)


def test_a_space_of_the_users_may_take_words() -> None:
    """If it says so; else it is refused with what to say."""
    from search_spaces import SearchSpace

    class Own(SearchSpace):
        def build(self, *_: Any) -> Any: ...

    class OfWords(Own):
        takes_words = True

    words = Inputs(shape=(5,), vocabulary=12)
    OfWords().check(words)
    with pytest.raises(SpaceError, match="say takes_words = True in a space of your own"):
        Own().check(words)
