"""Adapts models with several named outputs to training on one matrix.

The model of a space has each output by its name. For training they are concatenated to one matrix,
so that the training loop, metrics and checkpoints need to handle one output only. An exported
model returns a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.shapes import Outputs

if TYPE_CHECKING:
    import keras

SIDE_BY_SIDE = "side_by_side"


def check_outputs(model: keras.Model, outputs: Outputs, name: str) -> None:
    """Checks that a model has each output by its name; with a single output it may be any model.

    Args:
        model: What ``build`` returned.
        outputs: The outputs that were asked for.
        name: Name of the space.

    Raises:
        SpaceError: It is not a functional model, or its outputs have other names or units.
    """
    if outputs.heads is None:
        return
    units_by_name = _units(model)
    if units_by_name == {name: (head.units,) for name, head in outputs.heads.items()}:
        return
    first, head = next(iter(outputs.heads.items()))
    received = " and ".join(f"{name} {units}" for name, units in units_by_name.items())
    raise SpaceError(
        f"Expected {name} to build a functional model with the outputs {format_outputs(outputs)}. "
        f"Received: {received or type(model).__name__}: make them as "
        f"keras.layers.Dense({head.units}, {head.activation!r}, name={first!r})."
    )


def named_outputs(model: keras.Model) -> dict[str, Any]:
    """Returns the outputs of a functional model by their names, or by those of their layers."""
    tensors = model.output
    if isinstance(tensors, Mapping):
        return dict(tensors)
    return {tensor._keras_history.operation.name: tensor for tensor in model.outputs}


def concatenate_outputs(answers: Mapping[str, Any], outputs: Outputs) -> Any:
    """Returns the outputs as one tensor, float32 ``(batch, outputs.units)``.

    Args:
        answers: Tensors ``(batch, units)`` by name.
        outputs: Gives their order.
    """
    import keras

    # In float32 under every policy: a loss of half-precision values is inexact.
    concatenate = keras.layers.Concatenate(name=SIDE_BY_SIDE, dtype="float32")
    return concatenate([answers[name] for name in outputs.heads or ()])


def format_outputs(outputs: Outputs) -> str:
    """Returns outputs for a message: ``digit (10,) and ink (1,)``."""
    *most, last = (f"{name} ({head.units},)" for name, head in (outputs.heads or {}).items())
    return f"{', '.join(most)} and {last}" if most else last


def _units(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Shapes of outputs by name; empty if the model is not functional."""
    import keras

    if type(model) is not keras.src.models.functional.Functional:
        return {}
    return {name: tuple(tensor.shape[1:]) for name, tensor in named_outputs(model).items()}
