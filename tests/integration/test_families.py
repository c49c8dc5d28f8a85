"""Every family: the rows it takes, and the configuration of its models; how images are changed."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from search_spaces import Inputs, Outputs, SearchSpace, SpaceError, catalog
from tests.support.space_cases import SHAPES, SMALL, axes_of
from tuner import datasets

pytestmark = pytest.mark.keras

REFUSED = {"cnn": (64,), "unet": (64,), "cnn1d": (8, 8, 1), "rnn": (8, 8, 3), "jordan": (8, 8, 3)}
OUTPUTS = (
    Outputs.for_task("binary"),
    Outputs.for_task("classes", 3),
    Outputs.for_task("regression", 2),
)
OUTPUTS_OF_DIGITS = Outputs.for_task("classes", 10)


def outputs_of(space: SearchSpace, shape: tuple[int, ...], number: int) -> Outputs:
    """A head that the family may be asked for; of one that learns rows there is one."""
    if space.learns == "rows":
        return Outputs.for_task("regression", math.prod(shape))
    taught = [outputs for outputs in OUTPUTS if not space.tasks or outputs.task in space.tasks]
    return dataclasses.replace(taught[number % len(taught)], axes=axes_of(space, shape))


@pytest.mark.parametrize("family", REFUSED)
def test_rows_of_another_shape_are_refused(family: str) -> None:
    """With the family's name and what was received."""
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
    """Rounded up, by each kind of pooling."""
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
    leaving = datasets.with_preprocessing(core, images)
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
