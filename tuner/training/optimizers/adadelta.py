"""Adadelta: Zeiler, 2012."""

from __future__ import annotations

import keras
import tensorflow as tf

from tuner.training.optimizers.optimizer import Optimizer, Slots, UpdateStep, reads


def _update(step: UpdateStep, weight: tf.Variable, gradient: tf.Tensor, slots: Slots) -> None:
    tf.raw_ops.ResourceApplyAdadelta(
        var=weight.handle,
        accum=slots[0].handle,
        accum_update=slots[1].handle,
        lr=step.rate,
        rho=step["rho"],
        epsilon=step["epsilon"],
        grad=gradient,
    )


ADADELTA = Optimizer(
    keras_class=keras.optimizers.Adadelta,
    read=reads((0.0, 0.0), "rho", "epsilon"),
    update=_update,
)
