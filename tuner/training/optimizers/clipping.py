"""Clipping of gradients: Pascanu et al., On the difficulty of training RNNs, 2013."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

Clip = Callable[[Sequence[tf.Tensor], tf.Tensor], list[tf.Tensor]]  # gradients, limit


def _norms(gradients: Sequence[tf.Tensor], limit: tf.Tensor) -> list[tf.Tensor]:
    return [
        gradient * limit / tf.maximum(tf.sqrt(tf.reduce_sum(tf.square(gradient))), limit)
        for gradient in gradients
    ]


def _global_norm(gradients: Sequence[tf.Tensor], limit: tf.Tensor) -> list[tf.Tensor]:
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients]))
    return [gradient * (limit / tf.maximum(norm, limit)) for gradient in gradients]


def _values(gradients: Sequence[tf.Tensor], limit: tf.Tensor) -> list[tf.Tensor]:
    return [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients]


# By the value of the hyperparameter ``clipping``: Keras's argument, and what it does.
CLIPPINGS: dict[str, tuple[str, Clip]] = {
    "norm": ("clipnorm", _norms),
    "global_norm": ("global_clipnorm", _global_norm),
    "value": ("clipvalue", _values),
}
