"""How rows with several inputs enter a model: cut from one matrix, each in its shape, by its name.

Rows are kept as one matrix, the inputs flattened side by side in the order of ``inputs.shapes``.
The model of a space takes each by its name; in front of it stands what cuts a matrix up, for as
long as it trains. Layers and weights are those of the space's own model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.shapes import Inputs

if TYPE_CHECKING:
    import keras


def check_entrances(model: keras.Model, inputs: Inputs, name: str) -> None:
    """Checks that a model takes each input by its name; one for a single input may be anything.

    Args:
        name: Of the space.

    Raises:
        SpaceError: It is no functional model with one output, or its inputs have other names or
            shapes.
    """
    if inputs.shapes is None:
        return
    found = _shapes(model)
    if found == dict(inputs.shapes):
        return
    first, shape = next(iter(inputs.shapes.items()))
    raise SpaceError(
        f"Expected {name} to build a functional model of one output with the inputs "
        f"{spelt(inputs.shapes)}. Received: {spelt(found) if found else type(model).__name__}: "
        f"make them as keras.Input({shape}, name={first!r})."
    )


def in_front(model: keras.Model, inputs: Inputs) -> keras.Model:
    """Returns a model that takes rows as they are kept, and shares all weights with this one.

    Args:
        model: Takes inputs by their names, as ``check_entrances`` demands.

    Returns:
        The model itself where there is a single input; else one that takes float32
        ``(batch, *inputs.shape)``, whose last layer is the model.
    """
    if inputs.shapes is None:
        return model
    import keras

    matrix = keras.Input(inputs.shape, dtype=inputs.dtype, name="rows")
    cut: dict[str, Any] = {}
    start = 0
    for name, shape in inputs.shapes.items():
        stop = start + math.prod(shape)
        cut[name] = keras.ops.reshape(matrix[:, start:stop], (-1, *shape))
        start = stop
    return keras.Model(matrix, taking_names(model)(cut), name=f"{model.name}_of_matrix")


def behind(model: keras.Model) -> keras.Model:
    """Returns the model that ``in_front`` was given, which takes a dict of inputs."""
    return model.layers[-1]


def taking_names(model: keras.Model) -> keras.Model:
    """Returns the same layers as a model that takes a dict, however the inputs were listed."""
    import keras

    entrances = _entrances(model)
    name = f"{model.name}_model" if model.name in entrances else model.name
    return keras.Model(entrances, model.outputs[0], name=name)


def spelt(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """``image (28, 28) and numbers (5,)``."""
    *most, last = (f"{name} {shape}" for name, shape in shapes.items())
    return f"{', '.join(most)} and {last}" if most else last


def _entrances(model: keras.Model) -> dict[str, Any]:
    given = model.input
    if isinstance(given, Mapping):
        return dict(given)
    return {tensor.name: tensor for tensor in model.inputs}


def _shapes(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Of each input by name; none of a model that is not functional, or has several outputs."""
    import keras

    if type(model) is not keras.src.models.functional.Functional or len(model.outputs) > 1:
        return {}
    return {name: tuple(tensor.shape[1:]) for name, tensor in _entrances(model).items()}
