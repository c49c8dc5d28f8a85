"""Launching an objective function: what it may have, and what makes no sense with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import studies
from storage.database.engine import open_store
from tests.support.trials import begin, complete, enter
from tests.support.typed import Typed, refused

CODE = """
def objective(trial): return trial.suggest_float("rate", 0, 1)
def with_data(trial, data): return 1.0
def make(epochs): return lambda trial: epochs
"""


@pytest.fixture(autouse=True)
def train(tuner: Typed) -> None:
    (tuner.folder / "train.py").write_text(CODE)


def launched(tuner: Typed, *words: str, name: str = "train") -> studies.Study:
    result = tuner("launch", *words, "--workers", "0")
    assert result.exit_code == 0, result.stderr
    store = open_store("sqlite:///tuner.db", create=False)
    study = studies.load(store, name)
    store.close()
    return study


def test_the_definition(tuner: Typed):
    """Without data, by default with one value that is to be low."""
    study = launched(tuner, "train.py:objective", "--trials", "7", "--set", "rate=0.5")
    assert (study.budget, study.sign) == (7, 1)
    assert study.spec["own_training"] is True
    assert study.spec["objective"] == "value"
    assert study.spec["data"]["source"] == "none"
    assert study.spec["overrides"] == ["rate=0.5"]


@pytest.mark.parametrize(
    ("words", "names", "signs"),
    [
        (("--direction", "max"), ["value"], [-1]),
        (("--direction", "max", "--direction", "min"), ["value_0", "value_1"], [-1, 1]),
        (("--objective", "recall", "--objective", "size"), ["recall", "size"], [1, 1]),
        (
            ("--objective", "recall", "--objective", "size", "--direction", "max"),
            ["recall", "size"],
            [-1, 1],
        ),
    ],
)
def test_directions_and_names_of_what_it_returns(tuner: Typed, words, names, signs):
    """As for other studies; what has no name is a value."""
    study = launched(tuner, "train.py:objective", *words)
    assert [study.spec["objective"], *study.spec["further"]] == names
    assert [study.sign, *study.further] == signs


def test_a_study_file_with_arguments(tuner: Typed):
    """They keep their types."""
    (tuner.folder / "study.toml").write_text(
        'space = "train.py:make"\nstudy = "train"\n[arguments]\nepochs = 3\n'
    )
    assert launched(tuner, "study.toml").spec["arguments"] == ["epochs=3"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("train.py:objective", "--folds", "3"), "--folds"),
        (("train.py:objective", "--metric", "auc"), "--metric"),
        (("train.py:objective", "--repeats", "2"), "--repeats"),
        (("train.py:objective", "--sampler", "grid"), "--sampler grid"),
        (("train.py:objective", "--pruner", "asha-promotion"), "use --pruner asha."),
        (("train.py:objective", "--target", "price"), "--target"),
        (("train.py:objective", "--data", "digits"), "Expected no --data"),
        (("train.py:with_data",), "Expected --data"),
        (("train.py:objektive",), "--data"),
        (("mlp",), "--data"),
    ],
)
def test_what_makes_no_sense_is_refused(tuner: Typed, words: tuple[str, ...], expected: str):
    """On one line, and nothing is made."""
    line = refused(tuner("launch", *words, "--workers", "0"))
    assert expected in line
    assert len(line) <= 300
    assert not Path("tuner.db").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "train"),
        ("rerun", "train", "0"),
        ("refit", "train", "-o", "out.keras"),
        ("ensemble", "train", "-o", "out.keras"),
    ],
)
def test_commands_that_need_our_training_say_so(tuner: Typed, words: tuple[str, ...]):
    """Before they import TensorFlow."""
    study = launched(tuner, "train.py:objective")
    store = open_store("sqlite:///tuner.db", create=False)
    enter(store, study, "worker")
    complete(store, begin(store, study, "worker"), [0.5])
    store.close()
    assert "objective function" in refused(tuner(*words))


def test_it_is_shown_without_models(tuner: Typed):
    """What it tries, only its own code knows."""
    result = tuner("launch", "train.py:objective", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "only its objective function knows" in result.stderr + result.stdout
    launched(tuner, "train.py:objective")
    assert tuner("enqueue", "train", "--set", "rate=0.25").exit_code == 0
    assert "an objective function" in tuner("spaces", "train.py:objective").stdout
    for words in (("status", "train"), ("trials", "train"), ("logs", "train"), ("list",)):
        assert tuner(*words).exit_code == 0, words


HYPERMODEL = """
import keras

class Net:
    def build(self, hp):
        hp.Int("units", 8, 16)
        return keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)

class Broken(Net):
    def build(self, hp):
        return 3
"""


@pytest.fixture
def hyper(tuner: Typed) -> Typed:
    (tuner.folder / "hyper.py").write_text(HYPERMODEL)
    return tuner


@pytest.mark.keras
@pytest.mark.parametrize(
    ("words", "objective", "sign"),
    [
        ((), "val_loss", 1),
        (("--objective", "accuracy"), "val_accuracy", -1),
        (("--objective", "val_my_metric", "--direction", "max"), "val_my_metric", -1),
        (("--direction", "max"), "value", -1),
    ],
)
def test_a_hypermodel_with_fit(hyper: Typed, words: tuple[str, ...], objective: str, sign: int):
    """Its objectives have the names of metrics; what is handed to ``fit`` is said at launch."""
    study = launched(hyper, "hyper.py:Net", "--argument", "epochs=3", *words, name="hyper")
    assert (study.spec["objective"], study.sign) == (objective, sign)
    assert study.spec["own_training"] is True
    assert study.spec["arguments"] == ["epochs=3"]


@pytest.mark.keras
def test_what_a_fit_is_given_is_said(hyper: Typed):
    """By it, a user sees that epochs were forgotten."""
    said = hyper("launch", "hyper.py:Net", "--data", "digits", "--workers", "0")
    assert "It is given x, y, validation_data (scaled, unless" in said.stdout
    assert "callbacks, and chooses its epochs (or: --argument epochs=10)" in said.stdout
    said = hyper("launch", "hyper.py:Net", "--workers", "0")
    assert "It is given no data, which it has to load itself (or: --data NAME)" in said.stdout


@pytest.mark.keras
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("hyper.py:Net", "--folds", "3"), "Expected no --folds with the HyperModel with fit()"),
        (("hyper.py:Net", "--objective", "f7"), "Expected --direction to be min or max"),
        (("hyper.py:Broken",), "Expected build(hp) of Broken to return a keras.Model. Received: 3"),
    ],
)
def test_what_a_hypermodel_with_fit_cannot_have(hyper: Typed, words: tuple[str, ...], expected):
    """One line, and nothing is made."""
    assert expected in refused(hyper("launch", *words, "--workers", "0"))
    assert not (hyper.folder / "tuner.db").exists()
