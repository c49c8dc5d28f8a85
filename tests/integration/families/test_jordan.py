"""Jordan's network: what is fed back, and what it reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces import Inputs, Outputs, catalog
from tests.support.learning import check_resume, load, point, train
from tests.support.plain_keras import run_without_project
from tuner import datasets, training

pytestmark = pytest.mark.keras

LOAD = """
import sys
import keras, numpy

model = keras.saving.load_model(sys.argv[1])
numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2]), verbose=0))
"""


def build(outputs: Outputs, shape: tuple[int, ...], **fixed: Any) -> Any:
    space = catalog.load("jordan", [f"{name}={value}" for name, value in fixed.items()])
    return space.build(point(space), Inputs(shape=shape), outputs)


@pytest.mark.parametrize(
    "outputs",
    [
        Outputs.for_task("binary"),
        Outputs.for_task("classes", 3),
        Outputs.for_task("classes", 9),  # more than hidden neurons
        Outputs.for_task("regression", 2),
    ],
    ids=["binary", "classes", "many", "regression"],
)
def test_only_the_answer_goes_back(outputs: Outputs) -> None:
    """The network written out step by step, with the memory of one answer, gives the same."""
    model = build(outputs, (6, 2), units=5)
    x = np.random.default_rng(0).normal(size=(4, 6, 2)).astype("float32")
    cell = model.get_layer("feedback").cell
    head = cell.activation.get_layer("head")
    inwards, back, bias = (
        weight.numpy() for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)
    )
    answer = np.zeros((4, outputs.units))
    for t in range(6):
        hidden = np.tanh(x[:, t] @ inwards + answer @ back[: outputs.units] + bias)
        answer = ends(outputs, hidden @ head.kernel.numpy() + head.bias.numpy())
    np.testing.assert_allclose(model.predict(x, verbose=0), answer, atol=1e-5)


def ends(outputs: Outputs, sums: Any) -> Any:
    if outputs.task == "regression":
        return sums
    if outputs.task == "binary":
        return 1 / (1 + np.exp(-sums))
    odds = np.exp(sums - sums.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def test_a_sum_is_learned_by_feeding_it_back() -> None:
    """Memory is needed: the last step tells less than a tenth of the sum of ten."""
    random = np.random.default_rng(1)
    x = random.normal(size=(600, 10))
    data = numbers(x, x.sum(axis=1))
    done = train("jordan", data, optimizer="adam", learning_rate=0.005, epochs=25)
    assert done.epochs[-1]["val_loss"] < 0.05 * x.sum(axis=1).var()


def numbers(x: Any, y: Any) -> datasets.Data:
    """Arrays as data."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "numbers.npz", x=x, y=y)
        return datasets.load(datasets.DataSpec(source=str(Path(folder) / "numbers.npz")))


def test_several_hundred_steps_are_one_loop() -> None:
    """The graph is as large for 400 steps as for 4."""
    long, short = (build(Outputs.for_task("binary"), (steps, 2), units=4) for steps in (400, 4))
    assert len(long.layers) == len(short.layers)
    x = np.random.default_rng(0).normal(size=(8, 400, 2)).astype("float32")
    assert np.isfinite(long.predict(x, verbose=0)).all()


def test_a_trained_file_opens_without_this_project(tmp_path: Path) -> None:
    """Plain Keras gives the same answers to raw rows."""
    done, data = train("jordan", "sequence-sum", epochs=5), load("jordan", "sequence-sum")[1]
    leaving = datasets.with_preprocessing(done.model, data)
    leaving.save(tmp_path / "model.keras")
    rows = data.raw("test")[:20]
    np.save(tmp_path / "rows.npy", rows)
    run_without_project(LOAD, "model.keras", "rows.npy", "answers.npy", folder=tmp_path)
    answers = np.load(tmp_path / "answers.npy")
    np.testing.assert_allclose(answers, leaving.predict(rows, verbose=0), atol=1e-6)


def test_it_is_trained_in_half_precision() -> None:
    """The loop stays in float32 under that policy."""
    with training.precision("mixed_float16"):
        done = train("jordan", "sequence-sum", epochs=5)
    assert np.isfinite(done.epochs[-1]["val_loss"])


def test_going_on() -> None:
    """Comes out as without a break."""
    check_resume("jordan", "sequence-sum", after=[2], epochs=5, dropout=0.2, units=8)
