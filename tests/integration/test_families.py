"""Every family: models of any of its points can be built, trained, saved and opened again."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from search_spaces import Inputs, Outputs, SearchSpace, SpaceError, catalog
from tuner import datasets
from tuner.training.compiling import compile_model

pytestmark = pytest.mark.keras

SHAPES = {
    "mlp": [(5,), (4, 4)],
    "cnn": [(8, 8), (6, 5, 3)],
    "cnn1d": [(9,), (7, 2)],
    "rnn": [(5,), (4, 3)],
    "autoencoder": [(5,), (4, 3)],
    "stacked-autoencoder": [(5,), (4, 3)],
    "lvq": [(5,), (4, 3)],
    "gan": [(5,), (4, 3)],
    "rbm": [(5,), (4, 3)],
    "dbn": [(5,), (4, 3)],
    "boltzmann": [(5,), (4, 3)],
    "hopfield": [(5,), (4, 3)],
    "jordan": [(5,), (4, 3)],
}
REFUSED = {"cnn": (64,), "cnn1d": (8, 8, 1), "rnn": (8, 8, 3), "jordan": (8, 8, 3)}
SMALL = {
    "mlp": ("units=2..8",),
    "cnn": ("filters=1..4", "units=2..8", "flip=none,both", "shift=0..0.2", "rotation=0..0.1",
            "zoom=0..0.2", "contrast=0..0.2"),
    "cnn1d": ("filters=1..4", "units=2..8"),
    "rnn": ("units=2..8",),
    "autoencoder": ("units=2..8", "code=3"),
    "stacked-autoencoder": ("units=2..8",),
    "lvq": ("prototypes=1..2",),
    "gan": ("units=2..8", "opponent_units=2..8"),
    "rbm": ("hidden=2..8",),
    "dbn": ("units=2..8",),
    "boltzmann": ("hidden=2..8",),
    "hopfield": ("patterns=1..4",),
    "jordan": ("units=2..8",),
}  # fmt: skip
OUTPUTS = (
    Outputs.for_task("binary"),
    Outputs.for_task("classes", 3),
    Outputs.for_task("regression", 2),
)
OUTPUTS_OF_DIGITS = Outputs.for_task("classes", 10)
POINTS = 12


def test_every_family_is_tried() -> None:
    assert SHAPES.keys() == SMALL.keys() == catalog.FAMILIES.keys()


@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_any_point_is_trained_and_saved(family: str, tmp_path: Path) -> None:
    """Its loss is finite; the file gives what the model gave."""
    import keras

    space = catalog.load(family, SMALL[family])
    trials = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    for number in range(POINTS):
        shape = SHAPES[family][number % len(SHAPES[family])]
        outputs = outputs_of(space, shape, number)
        hyperparameters, model = space.realise(trials.ask(), Inputs(shape=shape), outputs)
        x, y = rows(shape, outputs)
        if family == "boltzmann":
            x = 1 / (1 + np.exp(-x))  # probabilities
        if space.learns == "rows":
            y = x.reshape(len(x), -1)
        compile_model(model, hyperparameters, outputs)
        model.run_eagerly = True  # a trace of every point would take long
        assert np.isfinite(model.train_on_batch(x, y, return_dict=True)["loss"])
        assert model.output_shape == (None, outputs.units)
        model.save(tmp_path / "model.keras")
        opened = keras.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(opened(x, training=False), model(x, training=False), atol=1e-6)


def outputs_of(space: SearchSpace, shape: tuple[int, ...], number: int) -> Outputs:
    """A head that the family may be asked for; of one that learns rows there is one."""
    if space.learns == "rows":
        return Outputs.for_task("regression", math.prod(shape))
    taught = [outputs for outputs in OUTPUTS if not space.tasks or outputs.task in space.tasks]
    return taught[number % len(taught)]


def rows(shape: tuple[int, ...], outputs: Outputs) -> tuple[Any, Any]:
    """A few rows and what they shall be."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(6, *shape)).astype("float32")
    if outputs.task == "regression":
        return x, generator.normal(size=(6, outputs.units)).astype("float32")
    return x, np.arange(6, dtype="int32") % max(2, outputs.units)


@pytest.mark.parametrize("family", REFUSED)
def test_rows_of_another_shape_are_refused(family: str) -> None:
    with pytest.raises(SpaceError, match=rf"Expected rows.* for {family}\. Received: "):
        catalog.load(family).check(Inputs(shape=REFUSED[family]))


@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_the_same_point_has_the_same_configuration(family: str) -> None:
    """A training path that reuses traces knows an architecture by its configuration."""
    space = catalog.load(family, SMALL[family])
    inputs = Inputs(shape=SHAPES[family][-1])
    outputs = outputs_of(space, inputs.shape, number=1)
    for point in space.starting_points():
        first, second = (space.build(point, inputs, outputs) for _ in range(2))
        assert _unseeded(first.get_config()) == _unseeded(second.get_config())


def _unseeded(config: Any) -> Any:
    if isinstance(config, dict):
        return {k: _unseeded(v) for k, v in config.items() if k != "seed"}
    return [_unseeded(v) for v in config] if isinstance(config, list | tuple) else config


@pytest.mark.parametrize("pooling", ["max", "average", "stride"])
def test_a_block_halves_each_side_until_it_is_one(pooling: str) -> None:
    space = catalog.load("cnn", [f"pooling={pooling}", "blocks=4", "filters=2", "layers=0"])
    model = space.build(space.starting_points()[0], Inputs(shape=(5, 3)), OUTPUTS[1])
    shapes = [layer.output.shape[1:3] for layer in model.layers if layer.name.startswith("block")]
    assert shapes[-1] == (1, 1)
    assert {(3, 2), (2, 1), (1, 1)} <= set(shapes)


def test_images_are_changed_in_training_only() -> None:
    """In a model that leaves the project not even where nobody says that it is not trained."""
    data = datasets.load(datasets.DataSpec(source="digits"))
    images = dataclasses.replace(data, inputs=Inputs(shape=(64,)))
    space = catalog.load("cnn", ["shift=0.2", "flip=both", "layers=0", "filters=2"])
    core = keras_model_of_flat_images(space)
    x = data.train.x[:4]
    changed, plain = core(x, training=True), core(x, training=False)
    assert np.abs(np.asarray(changed) - np.asarray(plain)).max() > 1e-3
    leaving = datasets.deployable(core, images)
    raw = data.raw("train")[:4].astype("float32")
    np.testing.assert_allclose(leaving(raw), plain, atol=1e-5)


def keras_model_of_flat_images(space: SearchSpace) -> Any:
    """A model that takes rows of 64 pixels as images of 8 by 8."""
    import keras

    images = space.build(space.starting_points()[0], Inputs(shape=(8, 8)), OUTPUTS_OF_DIGITS)
    x = rows = keras.Input((64,))
    x = keras.layers.Reshape((8, 8))(x)
    for layer in images.layers[1:]:
        x = layer(x)
    return keras.Model(rows, x)
