"""The models that mlp and users' functions build: their heads, and files that open anywhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from search_spaces import Inputs, Outputs, catalog
from search_spaces.families.common_layers import ACTIVATIONS, MAXOUT_PIECES, NORMALIZATIONS
from search_spaces.families.mlp import MLP
from tests.support.plain_keras import run_without_project

pytestmark = pytest.mark.keras

INPUTS = Inputs(shape=(5,))
CLASSES = Outputs.for_task("classes", 3)


def build(*overrides: str, inputs: Inputs = INPUTS, outputs: Outputs = CLASSES) -> Any:
    """The model of a space's defaults."""
    space = MLP(["units=4", *overrides])
    return space.build(space.starting_points()[0], inputs, outputs)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_builds_with_every_normalization(
    activation: str, normalization: str
) -> None:
    """Answers are probabilities, and the normalization is in its place."""
    model = build(f"activation={activation}", f"normalization={normalization}", "dropout=0.2")
    probabilities = np.asarray(model(np.ones((2, 5), "float32")))
    assert probabilities.shape == (2, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    names = [layer.name for layer in model.layers]
    if normalization != "none":
        first, second = names.index("hidden_0_normalization"), names.index("hidden_0_activation")
        assert (first < second) == (normalization == "before")


@pytest.mark.parametrize(
    ("outputs", "inputs"),
    [
        (Outputs.for_task("binary"), INPUTS),
        (CLASSES, Inputs(shape=(8, 8))),
        (Outputs.for_task("regression", 2), Inputs(shape=(4, 4, 3))),
    ],
)
def test_rows_of_any_rank_end_in_the_head_of_the_task(outputs: Outputs, inputs: Inputs) -> None:
    """With its units and activation, not yet compiled."""
    model = build(inputs=inputs, outputs=outputs)
    assert model.input_shape == (None, *inputs.shape)
    assert model.output_shape == (None, outputs.units)
    head = model.layers[-1]
    assert (head.name, head.activation.__name__) == ("head", outputs.activation)
    assert not model.compiled


def test_penalty_and_dropout_are_there_only_where_asked_for() -> None:
    """At zero there is neither layer nor loss."""
    plain, heavy = build(), build("penalty=0.01", "dropout=0.5")
    assert [layer.name for layer in plain.layers] == [
        "rows", "hidden_0", "hidden_0_activation", "hidden_1", "hidden_1_activation", "head",
    ]  # fmt: skip
    assert plain.losses == []
    assert len(heavy.losses) == 2
    assert heavy.get_layer("hidden_1_dropout").rate == 0.5


def test_maxout_is_the_largest_of_its_pieces() -> None:
    """As NumPy finds it."""
    import keras

    model = build("layers=1", "activation=maxout")
    pieces = keras.Model(model.input, model.get_layer("hidden_0").output)
    largest = keras.Model(model.input, model.get_layer("hidden_0_activation").output)
    x = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    expected = np.asarray(pieces(x)).reshape(6, MAXOUT_PIECES, 4).max(axis=1)
    np.testing.assert_array_equal(np.asarray(largest(x)), expected)


def test_a_saved_model_opens_without_this_project(tmp_path: Path) -> None:
    """In another process and folder, with plain Keras and nothing registered."""
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    for activation in ACTIVATIONS:
        model = build(f"activation={activation}", "normalization=after", "penalty=0.01")
        model.save(tmp_path / f"{activation}.keras")
        np.save(tmp_path / f"{activation}.npy", np.asarray(model(x)))
    code = (
        "import sys, keras, numpy as np\n"
        "x = np.load('x.npy')\n"
        "for name in sys.argv[1:]:\n"
        "    y = keras.saving.load_model(name + '.keras')(x)\n"
        "    np.testing.assert_array_equal(np.asarray(y), np.load(name + '.npy'))\n"
    )
    run_without_project(code, *ACTIVATIONS, folder=tmp_path)


def test_the_same_hyperparameters_give_the_same_configuration() -> None:
    """A training path that reuses traces knows an architecture by its configuration."""
    first, second = build(), build()
    assert first.get_config() == second.get_config()


FUNCTION = """
import keras

def build(trial, inputs, outputs):
    x = rows = keras.Input(inputs.shape)
    for i in range(trial.suggest_int("layers", 1, 2)):
        units = trial.suggest_int(f"units_{i}", 4, 8)
        x = keras.layers.Dense(units, trial.suggest_categorical("activation", ["relu", "tanh"]))(x)
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(x))
"""


def test_a_function_of_the_users_own_builds_and_builds_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From what a trial has stored of it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "net.py").write_text(FUNCTION)
    space = catalog.load(f"{tmp_path / 'net.py'}:build", ["units=6..8", "activation=tanh"])
    space.build_default(INPUTS, CLASSES)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).ask()
    hyperparameters, model = space.sample_and_build(trial, INPUTS, CLASSES)
    assert {"layers", "units_0", "activation", "optimizer", "epochs"} <= hyperparameters.keys()
    assert 6 <= hyperparameters["units_0"] <= 8
    again = space.build(hyperparameters, INPUTS, CLASSES)
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
