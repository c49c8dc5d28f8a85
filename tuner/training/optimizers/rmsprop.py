"""RMSprop: Tieleman and Hinton, 2012."""

from __future__ import annotations

import keras
import tensorflow as tf

from tuner.training.optimizers.optimizer import Optimizer, Slots, UpdateStep, reads


def _update(step: UpdateStep, weight: tf.Variable, gradient: tf.Tensor, slots: Slots) -> None:
    tf.raw_ops.ResourceApplyRMSProp(
        var=weight.handle,
        ms=slots[0].handle,
        mom=slots[1].handle,
        lr=step.rate,
        rho=step["rho"],
        momentum=step["momentum"],
        epsilon=step["epsilon"],
        grad=gradient,
    )


RMSPROP = Optimizer(
    keras_class=keras.optimizers.RMSprop,
    read=reads((0.0, 0.0), "rho", "momentum", "epsilon"),
    update=_update,
    lacks=("centered",),
)
