"""The losses of all tasks from logits, which is stable where the last activation saturates."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

Loss = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def _classes(output: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=output)
    hits = tf.equal(tf.argmax(output, axis=-1, output_type=y.dtype), y)
    return losses, tf.cast(hits, tf.float32)


def _binary(output: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    labels = tf.reshape(tf.cast(y, output.dtype), tf.shape(output))
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=output)
    hits = tf.equal(output > 0, labels > 0.5)  # a probability above one half
    return tf.reduce_mean(losses, axis=-1), tf.reduce_mean(tf.cast(hits, tf.float32), axis=-1)


def _squared(output: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    losses = tf.math.squared_difference(output, tf.reshape(y, tf.shape(output)))
    return tf.reduce_mean(losses, axis=-1), tf.zeros([])


# Each returns loss and accuracy of every row, float32 ``(rows,)``. With several labels accuracy is
# the share of right ones; a regression has none, a scalar 0.
LOSSES: dict[str, Loss] = {
    "sparse_categorical_crossentropy": _classes,
    "binary_crossentropy": _binary,
    "mse": _squared,
}
# The last activation that each loss contains: only models that end with it are supported.
ACTIVATIONS = {
    "sparse_categorical_crossentropy": "softmax",
    "binary_crossentropy": "sigmoid",
    "mse": "linear",
}
