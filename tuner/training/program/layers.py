"""What each kind of layer computes: the formulas of Keras, with values read from the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from tuner.training.program.architecture import LayerPlan


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What belongs to one layer.

    Attributes:
        weights: In the order in which its reader gave them.
        knobs: Scalars, float32.
        sizes: Integers, int32 scalars.
    """

    weights: Sequence[tf.Variable]
    knobs: Sequence[tf.Tensor]
    sizes: Sequence[tf.Tensor]


def logits(
    plans: Sequence[LayerPlan], parts: Sequence[Parts], x: tf.Tensor, *, training: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Runs all layers, without the activation of the last one.

    Args:
        x: Rows, float32 ``(rows, ...)``.

    Returns:
        What the last activation would be applied to, ``(rows, units)``; and the sum of all
        penalties, a scalar.
    """
    penalties: list[tf.Tensor] = []
    last = len(plans) - 1
    for i, (plan, part) in enumerate(zip(plans, parts, strict=True)):
        penalties += _penalties(plan, part)
        if plan.kind == "dense":
            x = _dense(plan, part, x, activate=i < last)
        else:
            x = RULES[plan.kind](plan, part, x, training)
    return x, tf.add_n(penalties) if penalties else tf.zeros([])


def _penalties(plan: LayerPlan, part: Parts) -> Iterator[tf.Tensor]:
    if plan.kind not in ("dense", "convolution"):
        return
    for name, strength in zip(plan.option("penalties"), part.knobs, strict=True):
        kernel = part.weights[0]
        size = tf.abs(kernel) if name == "l1" else tf.square(kernel)
        yield strength * tf.reduce_sum(size)


def _dense(plan: LayerPlan, part: Parts, x: tf.Tensor, *, activate: bool) -> tf.Tensor:
    x = tf.matmul(x, part.weights[0])
    if plan.option("bias"):
        x = tf.nn.bias_add(x, part.weights[1])
    return activation(plan, x) if activate else x


def _convolution(plan: LayerPlan, part: Parts, x: tf.Tensor, training: bool) -> tf.Tensor:
    kernel, flat = part.weights[0].read_value(), len(plan.option("strides")) == 1
    strides = list(plan.option("strides"))
    if flat:  # over one axis, as Keras does: an image of height 1
        x, kernel, strides = tf.expand_dims(x, 1), tf.expand_dims(kernel, 0), [1, *strides]
    x = tf.nn.conv2d(x, kernel, strides, plan.option("padding"))
    x = tf.squeeze(x, [1]) if flat else x
    if plan.option("bias"):
        x = tf.nn.bias_add(x, part.weights[1])
    return activation(plan, x)


def _pooling(plan: LayerPlan, part: Parts, x: tf.Tensor, training: bool) -> tf.Tensor:
    size, strides = list(plan.option("size")), list(plan.option("strides"))
    flat = len(size) == 1
    if flat:
        x, size, strides = tf.expand_dims(x, 1), [1, *size], [1, *strides]
    pool = tf.nn.max_pool2d if plan.option("kind") == "max" else tf.nn.avg_pool2d
    x = pool(x, size, strides, plan.option("padding"))
    return tf.squeeze(x, [1]) if flat else x


def _between(x: tf.Tensor) -> list[int]:
    """The axes between rows and channels."""
    return list(range(1, len(x.shape) - 1))


def activation(plan: LayerPlan, x: tf.Tensor) -> tf.Tensor:
    """Applies a layer's activation."""
    name = plan.option("activation")
    return x if name == "linear" else getattr(keras.activations, name)(x)


def _dropout(plan: LayerPlan, part: Parts, x: tf.Tensor, training: bool) -> tf.Tensor:
    """Draws as Keras draws: the state is a seed and a counter that grows by one a call."""
    if not training:
        return x
    state, (rate, scale) = part.weights[0], part.knobs
    before = tf.identity(state.read_value())
    state.assign_add(tf.constant([0, 1], state.dtype))
    seed = tf.cast(tf.math.floormod(before, tf.int32.max - 1), tf.int32)
    draw = tf.random.stateless_uniform(tf.shape(x), seed=seed, dtype=x.dtype)
    return _masked(x, tf.cast(draw >= rate, x.dtype) * scale)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _masked(x: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    """A product of equal shapes, which TensorFlow's own gradient would have to make sure of."""
    return x * mask, lambda gradient: (gradient * mask, None)


def _batch_normalization(plan: LayerPlan, part: Parts, x: tf.Tensor, training: bool) -> tf.Tensor:
    gamma, beta, moving_mean, moving_variance = part.weights
    momentum, rest, epsilon = part.knobs
    if training:
        mean, variance = tf.nn.moments(x, [0, *_between(x)])
        moving_mean.assign(moving_mean * momentum + mean * rest)
        moving_variance.assign(moving_variance * momentum + variance * rest)
    else:
        mean, variance = moving_mean.read_value(), moving_variance.read_value()
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def _prelu(plan: LayerPlan, part: Parts, x: tf.Tensor, training: bool) -> tf.Tensor:
    return tf.nn.relu(x) - part.weights[0] * tf.nn.relu(-x)


def _reshape(plan: LayerPlan, part: Parts, x: tf.Tensor, training: bool) -> tf.Tensor:
    shaped = tf.reshape(x, tf.stack([tf.shape(x)[0], *part.sizes]))
    return tf.ensure_shape(shaped, [None] * (plan.sizes + 1))


def _flatten(plan: LayerPlan, part: Parts, x: tf.Tensor, training: bool) -> tf.Tensor:
    return tf.reshape(x, [tf.shape(x)[0], tf.reduce_prod(tf.shape(x)[1:])])


Rule = Callable[[LayerPlan, Parts, tf.Tensor, bool], tf.Tensor]
RULES: dict[str, Rule] = {
    "identity": lambda plan, part, x, training: x,
    "activation": lambda plan, part, x, training: activation(plan, x),
    "dropout": _dropout,
    "batch_normalization": _batch_normalization,
    "prelu": _prelu,
    "reshape": _reshape,
    "flatten": _flatten,
    "convolution": _convolution,
    "pooling": _pooling,
    "global_max": lambda plan, part, x, training: tf.reduce_max(x, _between(x)),
    "global_average": lambda plan, part, x, training: tf.reduce_mean(x, _between(x)),
}
