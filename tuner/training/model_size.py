"""How large a model is, before it trains."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

BYTES = 4  # of a float32
COPIES = 4  # of each trainable weight: itself, its gradient, and two of the optimizer


class Oversized(Exception):
    """A model is larger than its study allows."""


def check(
    model: keras.Model,
    *,
    batch_size: int,
    max_parameters: int | None,
    max_memory: int | None,
) -> None:
    """Refuses a model that is too large.

    Args:
        model: As its space built it.
        max_parameters: Weights that it may have.
        max_memory: Bytes that its training may need, see ``training_bytes``.

    Raises:
        Oversized: It is larger.
    """
    if not model.built:  # a subclassed model, whose size nobody knows before it sees data
        return
    parameters = model.count_params()
    if max_parameters is not None and parameters > max_parameters:
        raise Oversized(
            f"Expected at most {max_parameters:,} parameters. Received: {parameters:,}."
        )
    needed = training_bytes(model, batch_size)
    if max_memory is not None and needed > max_memory:
        raise Oversized(
            f"Expected at most {max_memory:,} bytes of memory for training. "
            f"Received a model that needs about {needed:,}."
        )


def costs(model: keras.Model, batch_size: int) -> dict[str, float | None]:
    """Returns what constraints may be about, by name; None each where a model is not built yet.

    Args:
        model: As its space built it.
    """
    if not model.built:
        return {"parameters": None, "memory": None}
    return {
        "parameters": float(model.count_params()),
        "memory": float(training_bytes(model, batch_size)),
    }


def training_bytes(model: keras.Model, batch_size: int) -> int:
    """Estimated bytes: weights with gradients and optimizer, and outputs of all layers.

    Outputs count twice, because their gradients are held too.
    """
    weights = int(model.count_params()) * COPIES
    outputs = sum(_values(layer) for layer in _layers(model))
    return BYTES * (weights + 2 * batch_size * outputs)


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers of a model, and of models inside it."""
    for layer in model.layers:
        yield from _layers(layer) if getattr(layer, "layers", None) else [layer]


def _values(layer: keras.Layer) -> int:
    """Numbers in a layer's output for one row; 0 where its shape is not known."""
    try:
        output = layer.output
    except AttributeError:  # a layer of a subclassed model has no symbolic output
        return 0
    tensors = output if isinstance(output, (list, tuple)) else [output]
    return sum(math.prod(size or 1 for size in tensor.shape[1:]) for tensor in tensors)
