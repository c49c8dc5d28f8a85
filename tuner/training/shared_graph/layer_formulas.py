"""The forward pass of each kind of layer: Keras's formulas, with values from variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from tuner.training.shared_graph.model_reader import LayerPlan


@dataclass(frozen=True, kw_only=True)
class LayerState:
    """The variables and values of one layer.

    Attributes:
        weights: In the order in which ``model_reader`` lists them.
        scalars: Float values, float32 scalars.
        sizes: Integer values, int32 scalars.
    """

    weights: Sequence[tf.Variable]
    scalars: Sequence[tf.Tensor]
    sizes: Sequence[tf.Tensor]


def logits(
    plans: Sequence[LayerPlan], states: Sequence[LayerState], x: tf.Tensor, *, training: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """The forward pass without the last activation, which ``loss_formulas`` takes into the loss.

    Args:
        plans: One for each layer, in order.
        states: One for each plan.
        x: A batch, float32 ``(rows, ...)``.
        training: Whether dropout draws and batch normalization uses the statistics of the batch.

    Returns:
        Logits, float32 ``(rows, units)``, and the sum of all regularization penalties, a scalar.
    """
    penalties: list[tf.Tensor] = []
    last = len(plans) - 1
    for i, (plan, state) in enumerate(zip(plans, states, strict=True)):
        penalties += _penalties(plan, state)
        if plan.kind == "dense":
            x = _dense(plan, state, x, activate=i < last)
        else:
            x = FORWARD[plan.kind](plan, state, x, training)
    return x, tf.add_n(penalties) if penalties else tf.zeros([])


def _penalties(plan: LayerPlan, state: LayerState) -> Iterator[tf.Tensor]:
    if plan.kind not in ("dense", "convolution"):
        return
    for name, strength in zip(plan.option("penalties"), state.scalars, strict=True):
        kernel = state.weights[0]
        size = tf.abs(kernel) if name == "l1" else tf.square(kernel)
        yield strength * tf.reduce_sum(size)


def _dense(plan: LayerPlan, state: LayerState, x: tf.Tensor, *, activate: bool) -> tf.Tensor:
    x = tf.matmul(x, state.weights[0])
    if plan.option("bias"):
        x = tf.nn.bias_add(x, state.weights[1])
    return activation(plan, x) if activate else x


def _convolution(plan: LayerPlan, state: LayerState, x: tf.Tensor, training: bool) -> tf.Tensor:
    kernel, one_dimensional = state.weights[0].read_value(), len(plan.option("strides")) == 1
    strides = list(plan.option("strides"))
    if one_dimensional:  # computed by Keras, too, as an image of height 1
        x, kernel, strides = tf.expand_dims(x, 1), tf.expand_dims(kernel, 0), [1, *strides]
    x = tf.nn.conv2d(x, kernel, strides, plan.option("padding"))
    x = tf.squeeze(x, [1]) if one_dimensional else x
    if plan.option("bias"):
        x = tf.nn.bias_add(x, state.weights[1])
    return activation(plan, x)


def _pooling(plan: LayerPlan, state: LayerState, x: tf.Tensor, training: bool) -> tf.Tensor:
    size, strides = list(plan.option("size")), list(plan.option("strides"))
    one_dimensional = len(size) == 1
    if one_dimensional:
        x, size, strides = tf.expand_dims(x, 1), [1, *size], [1, *strides]
    pool = tf.nn.max_pool2d if plan.option("kind") == "max" else tf.nn.avg_pool2d
    x = pool(x, size, strides, plan.option("padding"))
    return tf.squeeze(x, [1]) if one_dimensional else x


def _spatial_axes(x: tf.Tensor) -> list[int]:
    """The axes between the batch axis and the channels."""
    return list(range(1, len(x.shape) - 1))


def activation(plan: LayerPlan, x: tf.Tensor) -> tf.Tensor:
    """Applies the activation that a layer's plan names to a tensor of any shape."""
    name = plan.option("activation")
    return x if name == "linear" else getattr(keras.activations, name)(x)


def _dropout(plan: LayerPlan, state: LayerState, x: tf.Tensor, training: bool) -> tf.Tensor:
    """Draws the mask of Keras's ``SeedGenerator``: its state is a seed and a counter of calls."""
    if not training:
        return x
    seed_state, (rate, scale) = state.weights[0], state.scalars
    before = tf.identity(seed_state.read_value())
    seed_state.assign_add(tf.constant([0, 1], seed_state.dtype))
    seed = tf.cast(tf.math.floormod(before, tf.int32.max - 1), tf.int32)
    draw = tf.random.stateless_uniform(tf.shape(x), seed=seed, dtype=x.dtype)
    return _masked(x, tf.cast(draw >= rate, x.dtype) * scale)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _masked(x: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    """``x * mask``: without the reduction that TensorFlow's gradient needs for broadcasting."""
    return x * mask, lambda gradient: (gradient * mask, None)


def _batch_normalization(
    plan: LayerPlan, state: LayerState, x: tf.Tensor, training: bool
) -> tf.Tensor:
    gamma, beta, moving_mean, moving_variance = state.weights
    momentum, one_minus_momentum, epsilon = state.scalars
    if training:
        mean, variance = tf.nn.moments(x, [0, *_spatial_axes(x)])
        moving_mean.assign(moving_mean * momentum + mean * one_minus_momentum)
        moving_variance.assign(moving_variance * momentum + variance * one_minus_momentum)
    else:
        mean, variance = moving_mean.read_value(), moving_variance.read_value()
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def _prelu(plan: LayerPlan, state: LayerState, x: tf.Tensor, training: bool) -> tf.Tensor:
    return tf.nn.relu(x) - state.weights[0] * tf.nn.relu(-x)


def _reshape(plan: LayerPlan, state: LayerState, x: tf.Tensor, training: bool) -> tf.Tensor:
    shaped = tf.reshape(x, tf.stack([tf.shape(x)[0], *state.sizes]))
    return tf.ensure_shape(shaped, [None] * (plan.sizes + 1))


def _flatten(plan: LayerPlan, state: LayerState, x: tf.Tensor, training: bool) -> tf.Tensor:
    return tf.reshape(x, [tf.shape(x)[0], tf.reduce_prod(tf.shape(x)[1:])])


Forward = Callable[[LayerPlan, LayerState, tf.Tensor, bool], tf.Tensor]
FORWARD: dict[str, Forward] = {
    "identity": lambda plan, state, x, training: x,
    "activation": lambda plan, state, x, training: activation(plan, x),
    "dropout": _dropout,
    "batch_normalization": _batch_normalization,
    "prelu": _prelu,
    "reshape": _reshape,
    "flatten": _flatten,
    "convolution": _convolution,
    "pooling": _pooling,
    "global_max": lambda plan, state, x, training: tf.reduce_max(x, _spatial_axes(x)),
    "global_average": lambda plan, state, x, training: tf.reduce_mean(x, _spatial_axes(x)),
}
