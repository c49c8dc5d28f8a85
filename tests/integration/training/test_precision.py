"""Models in half precision: trained by Keras's steps, gone on with, saved for plain Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from search_spaces import catalog
from tests.support.fits import BASE, SPACE, fit, small_data, stock_fit
from tests.support.resuming import NETWORK, Case, Keeper, Watch, train
from tuner import datasets, training
from tuner.datasets import DataSpec, with_preprocessing
from tuner.training import TrainingState

pytestmark = pytest.mark.keras

HALF = ("mixed_float16", "mixed_bfloat16")
FAMILIES = ("mlp", "cnn", "cnn1d", "rnn")


def under(policy: str) -> Any:
    """The family's build, under a policy."""

    def build(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
        with training.precision(policy):
            return SPACE.build(hyperparameters, inputs, outputs)

    return build


@pytest.mark.parametrize("policy", HALF)
@pytest.mark.parametrize("task", ["classes", "binary", "regression"])
def test_losses_are_those_of_stock_fit(policy: str, task: str):
    """Loss scaling included, which Keras puts around the optimizer for float16."""
    data = small_data(task, 1 if task != "classes" else 3)
    ours, stock = (train(data, BASE, build=under(policy)) for train in (fit, stock_fit))
    assert ours.path == f"graph of Keras's steps: the precision {policy}"
    for mine, theirs in zip(ours.epochs, stock.epochs, strict=True):
        names = theirs.keys() - {"learning_rate"}  # stock Keras's is that of the scaling
        assert [mine[name] for name in names] == pytest.approx(
            [theirs[name] for name in names], abs=1e-4
        )
    scaled = isinstance(ours.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("optimizer", ["adam", "nadam"])
def test_going_on_is_exact(tmp_path: Path, optimizer: str):
    """The scale of the losses goes on too, whatever it has become."""
    values = {**NETWORK, "learning_rate": 3e-3, "batch_size": 64, "epochs": 4, "schedule": "cosine"}
    case = Case(hyperparameters={**values, "optimizer": optimizer}, precision="mixed_float16")
    whole = train(case, Watch())
    keeper = Keeper(stop_after=2)
    train(case, keeper)
    assert keeper.state is not None
    with (tmp_path / "state.npz").open("wb") as file:
        keeper.state.save(file)
    rest = train(case, Watch(), resume=TrainingState.load(tmp_path / "state.npz"))
    assert rest["curve"] == whole["curve"][2:]
    assert rest["weights"] == whole["weights"]


@pytest.mark.parametrize("family", FAMILIES)
def test_heads_answer_in_float32(family: str):
    """Whatever the layers before compute in."""
    space = catalog.load(family)
    data = small_data(shape=(8, 8, 1) if family == "cnn" else (8, 2))
    with training.precision("mixed_float16"):
        model = space.build(space.starting_points()[0], data.inputs, data.outputs)
    assert model.output.dtype == "float32"
    assert {layer.compute_dtype for layer in model.layers} == {"float16", "float32"}
    assert all(weight.dtype != "float16" for weight in model.weights)


def test_a_saved_model_answers_as_the_trained_one(tmp_path: Path):
    """It is loaded by plain Keras, whose own policy is another one."""
    data = datasets.load(DataSpec(source="iris"))
    with training.precision("mixed_float16"):
        model = SPACE.build(BASE, data.inputs, data.outputs)
    with_preprocessing(model, data).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    answers = loaded.predict(data.raw("test"), verbose=0)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers, model.predict(data.test.x, verbose=0), atol=2e-3)
