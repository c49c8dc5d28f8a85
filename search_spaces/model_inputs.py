"""Adapts models with several named inputs to training on one matrix.

Prepared rows are one matrix: the inputs flattened and concatenated, in the order of
``inputs.shapes``. The model of a space takes each input by its name. For training it is wrapped in
a model that splits the matrix (and that concatenates several outputs, see ``model_outputs``). Both
models share their layers and weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.compiled_models import compile_arguments
from search_spaces.errors import SpaceError
from search_spaces.model_outputs import concatenate_outputs, named_outputs
from search_spaces.shapes import Inputs, Outputs

if TYPE_CHECKING:
    import keras

OF_MATRIX = "_of_matrix"  # ends the name of a model around the user's


def check_inputs(model: keras.Model, inputs: Inputs, outputs: Outputs, name: str) -> None:
    """Checks that a model has each input by its name; with a single input it may be any model.

    Args:
        model: What ``build`` returned.
        inputs: The inputs of the data.
        outputs: The outputs that were asked for.
        name: Name of the space.

    Raises:
        SpaceError: It is not a functional model with the right number of outputs, or its inputs
            have other names or shapes.
    """
    if inputs.shapes is None:
        if outputs.heads is not None:
            _check_one(model, name)
        return
    shapes = _shapes(model, 1 if outputs.heads is None else len(outputs.heads))
    if shapes == dict(inputs.shapes):
        return
    first, shape = next(iter(inputs.shapes.items()))
    raise SpaceError(
        f"Expected {name} to build a functional model{_single_output(outputs)} with the inputs "
        f"{format_shapes(inputs.shapes)}. Received: "
        f"{format_shapes(shapes) if shapes else type(model).__name__}: "
        f"make them as keras.Input({shape}, name={first!r})."
    )


def wrap_for_matrix(model: keras.Model, inputs: Inputs, outputs: Outputs) -> keras.Model:
    """Returns a model from prepared rows to concatenated outputs, which shares all weights.

    Args:
        model: Has named inputs and outputs: see ``check_inputs`` and ``check_outputs``.
        inputs: The inputs of the data.
        outputs: The outputs that were asked for.

    Returns:
        The model itself if it has a single input and a single output; else one around it
        that takes float32 ``(batch, *inputs.shape)`` and gives ``(batch, outputs.units)``.
    """
    if inputs.shapes is None and outputs.heads is None:
        return model
    import keras

    matrix = keras.Input(inputs.shape, dtype=inputs.dtype, name="rows")
    predictions = with_named_inputs(model, inputs, outputs)(_split(matrix, inputs))
    if outputs.heads is not None:
        predictions = concatenate_outputs(predictions, outputs)
    return keras.Model(matrix, predictions, name=f"{model.name}{OF_MATRIX}")


def unwrap(model: keras.Model) -> keras.Model:
    """Returns the model with named inputs and outputs inside one that ``wrap_for_matrix`` made."""
    import keras

    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def with_named_inputs(model: keras.Model, inputs: Inputs, outputs: Outputs) -> keras.Model:
    """Returns a model of the same layers whose inputs and outputs are dicts by name.

    One that comes compiled is compiled as it was.
    """
    import keras

    named = model.inputs[0] if inputs.shapes is None else _named_inputs(model)
    predictions = model.outputs[0] if outputs.heads is None else named_outputs(model)
    # Keras wants names to be unique: an input may be called like the model.
    name = f"{model.name}_model" if model.name in (inputs.shapes or ()) else model.name
    adapted = keras.Model(named, predictions, name=name)
    if model.compiled:
        adapted.compile(**compile_arguments(model))
    return adapted


def format_shapes(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Returns shapes for a message: ``image (28, 28) and numbers (5,)``."""
    *most, last = (f"{name} {shape}" for name, shape in shapes.items())
    return f"{', '.join(most)} and {last}" if most else last


def _split(matrix: Any, inputs: Inputs) -> Any:
    """Returns each input by its name; the matrix itself if there is a single input."""
    import keras

    if inputs.shapes is None:
        return matrix
    parts: dict[str, Any] = {}
    start = 0
    for name, shape in inputs.shapes.items():
        stop = start + math.prod(shape)
        parts[name] = keras.ops.reshape(matrix[:, start:stop], (-1, *shape))
        start = stop
    return parts


def _check_one(model: keras.Model, name: str) -> None:
    if len(model.inputs) != 1:
        raise SpaceError(
            f"Expected {name} to build a model with one input. Received: {len(model.inputs)}: "
            "give rows as a dict of arrays to have several."
        )


def _single_output(outputs: Outputs) -> str:
    return " with one output" if outputs.heads is None else ""


def _named_inputs(model: keras.Model) -> dict[str, Any]:
    tensors = model.input
    if isinstance(tensors, Mapping):
        return dict(tensors)
    return {tensor.name: tensor for tensor in model.inputs}


def _shapes(model: keras.Model, outputs: int) -> dict[str, tuple[int, ...]]:
    """Shapes of inputs by name; empty if the model is not functional or has other outputs."""
    import keras

    functional = type(model) is keras.src.models.functional.Functional
    if not functional or len(model.outputs) != outputs:
        return {}
    return {name: tuple(tensor.shape[1:]) for name, tensor in _named_inputs(model).items()}
