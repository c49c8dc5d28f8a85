"""Pieces of Keras models that the families share.

All are standard Keras layers under names of their own: a saved model opens without this project,
and two trials of the same architecture have the same configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.parameters.choices import Choice
from search_spaces.shapes import Inputs, Outputs

if TYPE_CHECKING:
    import keras

# Layers of their own, because they hold weights or change the shape; others are names of Keras.
LEARNED_ACTIVATIONS = ("prelu", "maxout")
PLAIN_ACTIVATIONS = (
    "relu",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "softplus",
    "softsign",
    "elu",
    "selu",
    "silu",
    "gelu",
    "linear",
    "leaky_relu",
)
ACTIVATIONS = (*PLAIN_ACTIVATIONS, *LEARNED_ACTIVATIONS)
NORMALIZATIONS = ("none", "before", "after")
INITIALIZERS = (
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "orthogonal",
    "random_uniform",
    "random_normal",
)
USUAL_INITIALIZER = INITIALIZERS[0]
REGULARIZERS = ("l2", "l1", "l1l2")
PLACES = ("all", "first", "last")

# Parameters that families share.
NORMALIZATION = Choice(
    NORMALIZATIONS, help="batch normalization before or after the activation, or none"
)
# Off unless they are asked for:
INITIALIZER = Choice(
    [USUAL_INITIALIZER],
    allowed=INITIALIZERS,
    disabled_value=USUAL_INITIALIZER,
    help="kernel initializer of all layers but the head",
)
REGULARIZER = Choice(
    ["l2"],
    allowed=REGULARIZERS,
    disabled_value="l2",
    help="regularizer: L2, L1 or both",
)
MAXOUT_PIECES = 2  # linear pieces a neuron takes the largest of


def rows(inputs: Inputs) -> keras.KerasTensor:
    """Returns the entrance of a model, shape (batch, *inputs.shape)."""
    import keras

    return keras.Input(inputs.shape, dtype=inputs.dtype, name="rows")


def flat(x: keras.KerasTensor) -> keras.KerasTensor:
    """Returns rows of any rank as vectors, shape (batch, features)."""
    import keras

    return x if len(x.shape) == 2 else keras.layers.Flatten(name="flat")(x)


def dense(
    x: keras.KerasTensor,
    units: int,
    name: str,
    *,
    activation: str,
    normalization: str = "none",
    dropout: float = 0.0,
    penalty: float = 0.0,
    regularizer: str = REGULARIZERS[0],
    initializer: str = USUAL_INITIALIZER,
) -> keras.KerasTensor:
    """Returns a fully connected layer with its activation, normalization and dropout.

    Args:
        x: shape (batch, features).
        units: neurons.
        name: unique in the model; the pieces are called after it.
        activation: one of `ACTIVATIONS`.
        normalization: batch normalization before or after the activation, or none.
        dropout: share of the outputs dropped in training, in [0, 1).
        penalty: weight of the kernel in the loss.
        regularizer: one of `REGULARIZERS`: squares (l2), absolute values (l1), or both.
        initializer: of the kernel, one of `INITIALIZERS`.

    Returns:
        Shape (batch, units).
    """
    import keras

    pieces = MAXOUT_PIECES if activation == "maxout" else 1
    x = keras.layers.Dense(
        units * pieces,
        kernel_regularizer=kernel_penalty(penalty, regularizer),
        kernel_initializer=initializer,
        use_bias=normalization != "before",  # the normalization takes a constant out again
        name=name,
    )(x)
    x = finish(x, name, activation=activation, normalization=normalization)
    if dropout:
        x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return x


def hidden(x: keras.KerasTensor, hyperparameters: Mapping[str, Any]) -> keras.KerasTensor:
    """Returns ``layers`` fully connected layers of ``units_0``, ``units_1``, ... neurons.

    Args:
        x: shape (batch, features).
        hyperparameters: those two, the arguments of `dense` that all layers share, and
            ``dropout_after``, one of `PLACES`.
    """
    shared = ("activation", "normalization", "penalty", "regularizer", "initializer")
    layers = hyperparameters["layers"]
    drops = {"first": (0,), "last": (layers - 1,)}.get(
        hyperparameters.get("dropout_after", "all"), range(layers)
    )
    for i in range(layers):
        x = dense(
            x,
            hyperparameters[f"units_{i}"],
            f"hidden_{i}",
            dropout=hyperparameters["dropout"] if i in drops else 0.0,
            **{name: hyperparameters[name] for name in shared if name in hyperparameters},
        )
    return x


def kernel_penalty(penalty: float, regularizer: str) -> keras.Regularizer | None:
    """Returns what weighs a kernel in the loss; None for a penalty of 0."""
    import keras

    if not penalty:
        return None
    share = {"l1l2": ("l1", "l2")}.get(regularizer, (regularizer,))
    return keras.regularizers.L1L2(**dict.fromkeys(share, penalty))


def finish(
    x: keras.KerasTensor, name: str, *, activation: str, normalization: str
) -> keras.KerasTensor:
    """Returns the activation of a layer, with batch normalization before or after it, or none."""
    import keras

    pieces: list[Callable[[keras.KerasTensor], keras.KerasTensor]]
    pieces = [lambda x: activate(x, activation, f"{name}_activation")]
    if normalization != "none":
        place = 0 if normalization == "before" else 1
        pieces.insert(place, keras.layers.BatchNormalization(name=f"{name}_normalization"))
    for piece in pieces:
        x = piece(x)
    return x


def activate(x: keras.KerasTensor, activation: str, name: str) -> keras.KerasTensor:
    """Returns the activation of ``x``; maxout takes shape (batch, units * `MAXOUT_PIECES`).

    Maxout is the largest of several linear pieces: Goodfellow et al., Maxout Networks, 2013.
    """
    import keras

    if activation == "prelu":
        return keras.layers.PReLU(name=name)(x)
    if activation == "maxout":
        pieces = (MAXOUT_PIECES, x.shape[-1] // MAXOUT_PIECES)
        x = keras.layers.Reshape(pieces, name=f"{name}_pieces")(x)
        return keras.layers.GlobalMaxPooling1D(name=name)(x)
    return keras.layers.Activation(activation, name=name)(x)


def head(x: keras.KerasTensor, outputs: Outputs) -> keras.KerasTensor:
    """Returns the last layer that the task asks for, shape (batch, outputs.units).

    In float32 under every policy: in half precision a softmax cannot tell small probabilities
    from none, and a regression has three digits.
    """
    import keras

    return keras.layers.Dense(
        outputs.units, activation=outputs.activation, dtype="float32", name="head"
    )(x)
