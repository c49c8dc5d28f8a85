"""Adagrad: Duchi et al., Adaptive Subgradient Methods, 2011."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tuner.training.optimizers.optimizer import Extracted, Optimizer, Slots, UpdateStep


def _read(optimizer: Any) -> Extracted:
    return (float(optimizer.initial_accumulator_value),), (), {"epsilon": optimizer.epsilon}


def _update(step: UpdateStep, weight: tf.Variable, gradient: tf.Tensor, slots: Slots) -> None:
    slots[0].assign_add(tf.square(gradient))
    weight.assign_sub(step.rate * gradient / tf.sqrt(slots[0] + step["epsilon"]))


ADAGRAD = Optimizer(
    keras_class=keras.optimizers.Adagrad,
    read=_read,
    update=_update,
)
