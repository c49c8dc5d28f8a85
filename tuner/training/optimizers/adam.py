"""Adam (Kingma and Ba, 2015), AMSGrad (Reddi et al., 2018), AdamW (Loshchilov and Hutter, 2019)."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.training.optimizers.optimizer import (
    BETAS,
    Extracted,
    Optimizer,
    Slots,
    UpdateStep,
    attributes,
)


def _read(optimizer: Any) -> Extracted:
    flags: tuple[str, ...] = ("amsgrad",) if optimizer.amsgrad else ()
    scalars = attributes(optimizer, BETAS)
    if not optimizer.amsgrad:
        scalars = _compensated(scalars)
    if optimizer.weight_decay:
        flags = (*flags, "weight_decay")
        scalars["weight_decay"] = optimizer.weight_decay
    return (0.0,) * (3 if optimizer.amsgrad else 2), flags, scalars


def _compensated(scalars: dict[str, float]) -> dict[str, float]:
    """Corrects for TensorFlow's fused Adam, which computes ``1 - beta`` in float32.

    For a beta of 0.999 its relative error is 1e-5, a constant factor of the mean squared gradient.
    Constant factors of the learning rate and of epsilon cancel it.
    """
    mean, square = (
        float(np.float32(1) - np.float32(scalars[beta])) / (1 - scalars[beta])
        for beta in ("beta_1", "beta_2")
    )
    factor = math.sqrt(square)
    return {**scalars, "rate_factor": factor / mean, "epsilon": scalars["epsilon"] * factor}


def _decay(step: UpdateStep) -> tf.Tensor:
    return step["weight_decay"] * step.rate


def _compensated_rate(step: UpdateStep) -> tf.Tensor:
    return step.rate * step["rate_factor"]


def _corrected_rate(step: UpdateStep) -> tf.Tensor:
    return step.rate * tf.sqrt(1 - step.beta_2_power) / (1 - step.beta_1_power)


def _update(step: UpdateStep, weight: tf.Variable, gradient: tf.Tensor, slots: Slots) -> None:
    if "weight_decay" in step.flags:
        weight.assign_sub(weight * step.once(_decay))
    if "amsgrad" not in step.flags:
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=slots[0].handle,
            v=slots[1].handle,
            beta1_power=step.beta_1_power,
            beta2_power=step.beta_2_power,
            lr=step.once(_compensated_rate),
            beta1=step["beta_1"],
            beta2=step["beta_2"],
            epsilon=step["epsilon"],
            grad=gradient,
        )
        return
    mean, square, highest = slots
    mean.assign_add((gradient - mean) * step["one_minus_beta_1"])
    square.assign_add((tf.square(gradient) - square) * step["one_minus_beta_2"])
    highest.assign(tf.maximum(highest, square))
    weight.assign_sub(mean * step.once(_corrected_rate) / (tf.sqrt(highest) + step["epsilon"]))


ADAM = Optimizer(keras_class=keras.optimizers.Adam, read=_read, update=_update)
ADAMW = Optimizer(keras_class=keras.optimizers.AdamW, read=_read, update=_update)
