"""How rows with several inputs enter a model: cut from one matrix, each in its shape, by its name.

Rows are kept as one matrix, the inputs flattened side by side in the order of ``inputs.shapes``.
The model of a space takes each by its name; in front of it stands what cuts a matrix up, for as
long as it trains (and behind it, where it has several outputs, what ``search_spaces.exits`` tells
of). Layers and weights are those of the space's own model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.exits import named_exits, side_by_side
from search_spaces.shapes import Inputs, Outputs

if TYPE_CHECKING:
    import keras


def check_entrances(model: keras.Model, inputs: Inputs, outputs: Outputs, name: str) -> None:
    """Checks that a model takes each input by its name; one for a single input may be anything.

    One with several outputs has one input, or those.

    Args:
        name: Of the space.

    Raises:
        SpaceError: It is no functional model with the number of outputs that was asked for, or
            its inputs have other names or shapes.
    """
    if inputs.shapes is None:
        if outputs.heads is not None:
            _check_one(model, name)
        return
    found = _shapes(model, 1 if outputs.heads is None else len(outputs.heads))
    if found == dict(inputs.shapes):
        return
    first, shape = next(iter(inputs.shapes.items()))
    raise SpaceError(
        f"Expected {name} to build a functional model{_of_one(outputs)} with the inputs "
        f"{spelt(inputs.shapes)}. Received: {spelt(found) if found else type(model).__name__}: "
        f"make them as keras.Input({shape}, name={first!r})."
    )


def in_front(model: keras.Model, inputs: Inputs, outputs: Outputs) -> keras.Model:
    """Returns a model of rows and answers as they are kept, which shares all weights with this one.

    Args:
        model: Has inputs and outputs by their names, as ``check_entrances`` and ``check_exits``
            demand.

    Returns:
        The model itself where there is a single input and a single output; else one around it
        that takes float32 ``(batch, *inputs.shape)`` and gives ``(batch, outputs.units)``.
    """
    if inputs.shapes is None and outputs.heads is None:
        return model
    import keras

    matrix = keras.Input(inputs.shape, dtype=inputs.dtype, name="rows")
    answers = taking_names(model, inputs, outputs)(_cut(matrix, inputs))
    if outputs.heads is not None:
        answers = side_by_side(answers, outputs)
    return keras.Model(matrix, answers, name=f"{model.name}_of_matrix")


def behind(model: keras.Model) -> keras.Model:
    """Returns the model that ``in_front`` was given, with inputs and outputs by their names."""
    import keras

    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def taking_names(model: keras.Model, inputs: Inputs, outputs: Outputs) -> keras.Model:
    """Returns the same layers as a model of dicts, however inputs and outputs were listed."""
    import keras

    entrances = model.inputs[0] if inputs.shapes is None else _entrances(model)
    exits = model.outputs[0] if outputs.heads is None else named_exits(model)
    name = f"{model.name}_model" if model.name in (inputs.shapes or ()) else model.name
    return keras.Model(entrances, exits, name=name)


def spelt(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """``image (28, 28) and numbers (5,)``."""
    *most, last = (f"{name} {shape}" for name, shape in shapes.items())
    return f"{', '.join(most)} and {last}" if most else last


def _cut(matrix: Any, inputs: Inputs) -> Any:
    """Each input by its name; the matrix itself where it is the only one."""
    import keras

    if inputs.shapes is None:
        return matrix
    cut: dict[str, Any] = {}
    start = 0
    for name, shape in inputs.shapes.items():
        stop = start + math.prod(shape)
        cut[name] = keras.ops.reshape(matrix[:, start:stop], (-1, *shape))
        start = stop
    return cut


def _check_one(model: keras.Model, name: str) -> None:
    if len(model.inputs) != 1:
        raise SpaceError(
            f"Expected {name} to build a model with one input. Received: {len(model.inputs)}: "
            "give rows as a dict of arrays where they have several."
        )


def _of_one(outputs: Outputs) -> str:
    return " of one output" if outputs.heads is None else ""


def _entrances(model: keras.Model) -> dict[str, Any]:
    given = model.input
    if isinstance(given, Mapping):
        return dict(given)
    return {tensor.name: tensor for tensor in model.inputs}


def _shapes(model: keras.Model, exits: int) -> dict[str, tuple[int, ...]]:
    """Of each input by name; none of a model that is not functional, or has other outputs."""
    import keras

    functional = type(model) is keras.src.models.functional.Functional
    if not functional or len(model.outputs) != exits:
        return {}
    return {name: tuple(tensor.shape[1:]) for name, tensor in _entrances(model).items()}
