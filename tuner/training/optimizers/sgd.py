"""Gradient descent, with momentum and Nesterov's variant (Sutskever et al., 2013)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tuner.training.optimizers.optimizer import Extracted, Optimizer, Slots, UpdateStep


def _read(optimizer: Any) -> Extracted:
    if not optimizer.momentum:
        return (), (), {}
    flags = ("nesterov",) if optimizer.nesterov else ()
    return (0.0,), flags, {"momentum": optimizer.momentum}


def _update(step: UpdateStep, weight: tf.Variable, gradient: tf.Tensor, slots: Slots) -> None:
    if not slots:
        tf.raw_ops.ResourceApplyGradientDescent(var=weight.handle, alpha=step.rate, delta=gradient)
        return
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=weight.handle,
        accum=slots[0].handle,
        lr=step.rate,
        grad=gradient,
        momentum=step["momentum"],
        use_nesterov="nesterov" in step.flags,
    )


SGD = Optimizer(
    keras_class=keras.optimizers.SGD,
    read=_read,
    update=_update,
)
