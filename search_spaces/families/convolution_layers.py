"""Pieces of convolutional models, over one axis or two; channels come last.

As in `blocks`, all are standard Keras layers under names of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.families.common_layers import (
    PLAIN_ACTIVATIONS,
    REGULARIZERS,
    USUAL_INITIALIZER,
    finish,
    kernel_penalty,
)
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.shapes import Outputs

if TYPE_CHECKING:
    import keras

POOLINGS = ("max", "average", "stride")
REDUCTIONS = ("flatten", "global_average", "global_max")
FLIPS = {"horizontal": "horizontal", "vertical": "vertical", "both": "horizontal_and_vertical"}
UNBOUNDED = (-1e6, 1e6)  # of scaled rows
SHARED = (
    "convolutions",
    "kernel",
    "pooling",
    "activation",
    "normalization",
    "penalty",
    "regularizer",
    "initializer",
)
# Parameters that these families share.
KERNEL = Choice([3, 5], default=3, limits=Limits(at_least=1), help="kernel size")
ACTIVATION = Choice(
    ["relu", "elu", "silu", "gelu"],
    allowed=PLAIN_ACTIVATIONS,
    help="activation of all hidden layers",
)
PENALTY = Choice(
    [0.0, 1e-6, 1e-5, 1e-4, 1e-3],
    default=0.0,
    limits=Limits(at_least=0),
    help="weight of the regularization of all kernels but the head's",
)


def with_channels(x: keras.KerasTensor, *, dimensions: int) -> keras.KerasTensor:
    """Returns rows with a last axis for channels: of length 1 where they have none."""
    import keras

    if len(x.shape) == dimensions + 2:
        return x
    return keras.layers.Reshape((*x.shape[1:], 1), name="channel")(x)


def block(
    x: keras.KerasTensor,
    name: str,
    *,
    dimensions: int,
    filters: int,
    convolutions: int,
    kernel: int,
    pooling: str,
    activation: str,
    normalization: str,
    penalty: float,
    dropout: float,
    regularizer: str = REGULARIZERS[0],
    initializer: str = USUAL_INITIALIZER,
) -> keras.KerasTensor:
    """Returns convolutions that keep the size, one after another, then half the size if pooled.

    Args:
        x: shape (batch, ..., channels) with `dimensions` axes between.
        filters: channels of the result.
        convolutions: how many.
        kernel: side of each filter.
        pooling: one of `POOLINGS`; ``stride`` lets the last convolution skip every other place;
            or ``none``, which keeps the size.
        penalty: weight of the kernels in the loss.
        dropout: share of the result dropped in training, in [0, 1).
        regularizer, initializer: as in `blocks.dense`.

    Returns:
        Shape (batch, ..., filters). A side of length 1 stays.
    """
    import keras

    convolution = getattr(keras.layers, f"Conv{dimensions}D")
    halves = pooling != "none" and max(x.shape[1:-1]) > 1
    for i in range(convolutions):
        strided = halves and pooling == "stride" and i == convolutions - 1
        piece = f"{name}_convolution_{i}"
        x = convolution(
            filters,
            kernel,
            strides=2 if strided else 1,
            padding="same",
            use_bias=normalization != "before",
            kernel_regularizer=kernel_penalty(penalty, regularizer),
            kernel_initializer=initializer,
            name=piece,
        )(x)
        x = finish(x, piece, activation=activation, normalization=normalization)
    if halves and pooling != "stride":
        layer = getattr(keras.layers, f"{pooling.capitalize()}Pooling{dimensions}D")
        x = layer(2, padding="same", name=f"{name}_pooling")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return x


def head(x: keras.KerasTensor, outputs: Outputs) -> keras.KerasTensor:
    """Returns the answer to each pixel, shape (batch, height, width, outputs.units), in float32."""
    import keras

    return keras.layers.Conv2D(
        outputs.units, 1, activation=outputs.activation, dtype="float32", name="head"
    )(x)


def reduce(x: keras.KerasTensor, reduction: str, *, dimensions: int) -> keras.KerasTensor:
    """Returns one vector a row, shape (batch, features); ``reduction`` is one of `REDUCTIONS`."""
    import keras

    if reduction == "flatten":
        return keras.layers.Flatten(name="flat")(x)
    kind = reduction.removeprefix("global_").capitalize()
    layer = getattr(keras.layers, f"Global{kind}Pooling{dimensions}D")
    return layer(name=reduction)(x)


def augment(x: keras.KerasTensor, hyperparameters: Mapping[str, Any]) -> keras.KerasTensor:
    """Returns images changed at random in training, untouched otherwise.

    Args:
        x: shape (batch, height, width, channels), scaled.
        hyperparameters: ``flip``, ``shift``, ``rotation``, ``zoom``, ``contrast``; what is zero
            or ``none`` adds no layer. Places outside of the image take the nearest pixel.
    """
    import keras

    def amount(name: str) -> float:
        return float(hyperparameters.get(name, 0.0))

    if hyperparameters.get("flip", "none") != "none":
        x = keras.layers.RandomFlip(FLIPS[hyperparameters["flip"]], name="flip")(x)
    if shift := amount("shift"):
        x = keras.layers.RandomTranslation(shift, shift, fill_mode="nearest", name="shift")(x)
    if turn := amount("rotation"):
        x = keras.layers.RandomRotation(turn, fill_mode="nearest", name="rotation")(x)
    if zoom := amount("zoom"):
        x = keras.layers.RandomZoom(zoom, fill_mode="nearest", name="zoom")(x)
    if contrast := amount("contrast"):
        x = keras.layers.RandomContrast(contrast, value_range=UNBOUNDED, name="contrast")(x)
    return x
