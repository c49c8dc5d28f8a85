"""Losses with parameters train as stock Keras does with its own classes of these arguments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.support.fits import BASE, fit, small_data, stock_fit
from tuner.errors import UserError
from tuner.training import check_loss, measure_answers
from tuner.training.shared_graph.traced_graph import cached_graphs

pytestmark = pytest.mark.keras

BINARY, CLASSES = small_data("binary", 1), small_data()
NUMBERS = small_data("regression", 1)
OWN = """
import keras
from keras import ops

class Power(keras.losses.Loss):
    def __init__(self, power=2.0, reduction="sum_over_batch_size"):
        super().__init__(name="power", reduction=reduction)
        self.power = power

    def call(self, y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred) ** self.power, axis=-1)

def make(power, scale=1.0):
    return lambda y_true, y_pred: scale * Power(power).call(y_true, y_pred)

def tilted(y_true, y_pred, tilt=0.5):
    error = y_true - y_pred
    return ops.mean(ops.maximum(tilt * error, (tilt - 1) * error), axis=-1)

def sharpe(y_true, y_pred):
    gains = ops.reshape(y_true * y_pred, (-1,))
    return -ops.mean(gains) / (ops.std(gains) + 1e-3)

def total():
    return Power(reduction="sum")
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("losses") / "own.py"
    path.write_text(OWN)
    return path


def learned_by(data: Any, loss: Any) -> Callable[[keras.Model], None]:
    """Compiles a model for stock ``fit`` with a loss of plain Keras; classes come one-hot."""
    outputs = data.outputs

    def of_rows(y_true: Any, y_pred: Any) -> Any:
        if outputs.task == "classes":
            y_true = keras.ops.one_hot(keras.ops.reshape(y_true, (-1,)), outputs.units)
        y_true = keras.ops.cast(y_true, "float32")
        return loss(keras.ops.reshape(y_true, keras.ops.shape(y_pred)), y_pred)

    def change(model: keras.Model) -> None:
        metrics = None if outputs.task == "regression" else model._compile_metrics._user_metrics
        model.compile(optimizer=model.optimizer, loss=of_rows, metrics=metrics)

    return change


@pytest.mark.parametrize(
    ("data", "named", "stock"),
    [
        (
            CLASSES,
            {"label_smoothing": 0.1},
            keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        ),
        (BINARY, {"label_smoothing": 0.1}, keras.losses.BinaryCrossentropy(label_smoothing=0.1)),
        (
            CLASSES,
            {
                "loss": "categorical_focal_crossentropy",
                "focal_gamma": 3.0,
                "focal_alpha": 0.4,
                "label_smoothing": 0.1,
            },
            keras.losses.CategoricalFocalCrossentropy(gamma=3.0, alpha=0.4, label_smoothing=0.1),
        ),
        (
            BINARY,
            {"loss": "binary_focal_crossentropy", "focal_gamma": 0.0, "focal_alpha": 0.3},
            keras.losses.BinaryFocalCrossentropy(gamma=0.0, alpha=0.3, apply_class_balancing=True),
        ),
        (NUMBERS, {"loss": "huber", "huber_delta": 0.3}, keras.losses.Huber(delta=0.3)),
        (
            BINARY,
            {"loss": "tversky", "tversky_alpha": 0.3, "tversky_beta": 0.7},
            keras.losses.Tversky(alpha=0.3, beta=0.7),
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_loss_of_keras_has_its_arguments(data: Any, named: dict[str, Any], stock: Any) -> None:
    """On the shared graph, or, of a whole batch, with Keras's own steps."""
    hyperparameters = {**BASE, **named}
    ours = fit(data, hyperparameters)
    theirs = stock_fit(data, hyperparameters, change=learned_by(data, stock))
    assert ours.distance(theirs) < 1e-5
    of_batch = named.get("loss") in ("dice", "tversky")
    assert ours.path.startswith("program") is not of_batch


def test_all_values_of_an_argument_share_a_trace() -> None:
    """A range is searched as fast as a single value."""
    fit(CLASSES, {**BASE, "label_smoothing": 0.05})
    before = set(map(id, cached_graphs().values()))
    losses = [
        fit(CLASSES, {**BASE, "label_smoothing": share}).epochs[-1]["loss"] for share in (0.1, 0.2)
    ]
    assert set(map(id, cached_graphs().values())) == before
    assert losses[0] != losses[1]


def power(exponent: float, scale: float = 1.0) -> Callable[[Any, Any], Any]:
    return lambda y, p: scale * keras.ops.mean(keras.ops.abs(y - p) ** exponent, axis=-1)


def test_a_loss_in_a_file_is_made_of_its_arguments(own: Path) -> None:
    """A class, a function that makes one, and a function with arguments beside its rows."""
    cases: dict[str, tuple[dict[str, float], Callable[[Any, Any], Any]]] = {
        "Power": ({"loss.power": 1.5}, power(1.5)),
        "make": ({"loss.power": 3.0, "loss.scale": 2.0}, power(3.0, 2.0)),
        "tilted": (
            {"loss.tilt": 0.8},
            lambda y, p: keras.ops.maximum(0.8 * (y - p), -0.2 * (y - p)),
        ),
    }
    for name, (arguments, stock) in cases.items():
        hyperparameters = {**BASE, "loss": f"{own}:{name}", **arguments}
        ours = fit(NUMBERS, hyperparameters)
        theirs = stock_fit(NUMBERS, hyperparameters, change=learned_by(NUMBERS, stock))
        assert ours.path.startswith("program"), name
        assert ours.distance(theirs) < 1e-5, name
    with pytest.raises(UserError, match=r"make to make a loss of no arguments.*--set loss\.NAME"):
        check_loss(f"{own}:make", NUMBERS.outputs)


def sharpe(y_true: Any, y_pred: Any) -> Any:
    gains = keras.ops.reshape(y_true * y_pred, (-1,))
    return -keras.ops.mean(gains) / (keras.ops.std(gains) + 1e-3)


@pytest.mark.parametrize(
    ("name", "stock"),
    [
        ("sharpe", sharpe),
        ("total", lambda y, p: keras.ops.sum((y - p) ** 2)),
    ],
)
def test_a_loss_of_a_batch_is_that_of_stock_fit(own: Path, name: str, stock: Any) -> None:
    """In training, validation and whatever scores answers: each batch has its number."""
    hyperparameters = {**BASE, "loss": f"{own}:{name}"}
    ours = fit(NUMBERS, hyperparameters)
    theirs = stock_fit(NUMBERS, hyperparameters, change=learned_by(NUMBERS, stock))
    assert ours.path.startswith("graph of Keras's steps")
    assert ours.distance(theirs) < 1e-5
    assert ours.result is not None
    rows = NUMBERS.test
    answers = ours.model.predict(rows.x, verbose=0)
    _, measured = measure_answers(
        answers, rows, hyperparameters, NUMBERS.outputs, metrics=(), build=lambda: ours.model
    )
    expected = float(stock(np.reshape(rows.y, (-1, 1)), answers))
    assert measured["loss"] == pytest.approx(expected, rel=1e-5)
    assert ours.result.score(rows)["loss"] == pytest.approx(expected, rel=1e-5)
    assert check_loss(f"{own}:{name}", NUMBERS.outputs) is (name == "sharpe")
