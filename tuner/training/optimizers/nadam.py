"""Nadam: Dozat, Incorporating Nesterov Momentum into Adam, 2016."""

from __future__ import annotations

import keras
import tensorflow as tf

from tuner.training.optimizers.optimizer import BETAS, Optimizer, Slots, UpdateStep, reads

DECAY = 0.96


def _multiply(step: UpdateStep) -> tf.Tensor:
    """The product of momenta up to this step."""
    return step.product * step["beta_1"] * (1.0 - 0.5 * DECAY**step.count)


def _factors(step: UpdateStep) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Factors of the mean and of the gradient, and the divisor of the mean square."""
    momentum = step["beta_1"] * (1.0 - 0.5 * DECAY**step.count)
    next_momentum = step["beta_1"] * (1.0 - 0.5 * DECAY ** (step.count + 1))
    return (
        next_momentum / (1 - step.product * next_momentum),
        (1 - momentum) / (1 - step.product),
        1 - step.beta_2_power,
    )


def _update(step: UpdateStep, weight: tf.Variable, gradient: tf.Tensor, slots: Slots) -> None:
    mean, square = slots
    mean_factor, gradient_factor, square_divisor = step.once(_factors)
    mean.assign_add((gradient - mean) * step["one_minus_beta_1"])
    square.assign_add((tf.square(gradient) - square) * step["one_minus_beta_2"])
    mean_hat = mean_factor * mean + gradient_factor * gradient
    weight.assign_sub(mean_hat * step.rate / (tf.sqrt(square / square_divisor) + step["epsilon"]))


NADAM = Optimizer(
    keras_class=keras.optimizers.Nadam,
    read=reads((0.0, 0.0), *BETAS),
    update=_update,
    multiply=_multiply,
)
