"""Adamax: Kingma and Ba, Adam, 2015, section 7.1."""

from __future__ import annotations

import keras
import tensorflow as tf

from tuner.training.optimizers.optimizer import BETAS, Optimizer, Slots, UpdateStep, reads


def _update(step: UpdateStep, weight: tf.Variable, gradient: tf.Tensor, slots: Slots) -> None:
    tf.raw_ops.ResourceApplyAdaMax(
        var=weight.handle,
        m=slots[0].handle,
        v=slots[1].handle,
        beta1_power=step.beta_1_power,
        lr=step.rate,
        beta1=step["beta_1"],
        beta2=step["beta_2"],
        epsilon=step["epsilon"],
        grad=gradient,
    )


ADAMAX = Optimizer(
    keras_class=keras.optimizers.Adamax,
    read=reads((0.0, 0.0), *BETAS),
    update=_update,
)
