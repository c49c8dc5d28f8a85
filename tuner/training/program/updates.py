"""How each optimizer changes a weight: the formulas of Keras, with knobs read from the graph.

Where TensorFlow has an operation that does all of an update at once, it is taken: it differs
from Keras's separate operations by rounding only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.training.program.architecture import Unsupported

NADAM_DECAY = 0.96  # Dozat, "Incorporating Nesterov Momentum into Adam", 2016


@dataclass(frozen=True, kw_only=True)
class UpdatePlan:
    """What the trace of an optimizer depends on.

    Attributes:
        kind: Names its rule.
        slots: Variables that it keeps for each weight, and the value that each begins with.
        flags: Switches that are baked into the graph.
        knobs: Names of its scalars.
    """

    kind: str
    slots: tuple[float, ...]
    flags: tuple[str, ...] = ()
    knobs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of training, the same for all weights.

    Attributes:
        rate: Learning rate.
        count: Steps with this one, as float32.
        knobs: By name; ``one_minus_`` and such are computed in float64 before.
        scratch: Of the whole optimizer, for what goes from step to step beside the slots.
    """

    rate: tf.Tensor
    count: tf.Tensor
    knobs: Mapping[str, tf.Tensor]
    scratch: Mapping[str, tf.Tensor] = field(default_factory=dict)

    def __getitem__(self, knob: str) -> tf.Tensor:
        return self.knobs[knob]

    # Computed once a step, not once a weight.

    @cached_property
    def beta_1_power(self) -> tf.Tensor:
        return self["beta_1"] ** self.count

    @cached_property
    def beta_2_power(self) -> tf.Tensor:
        return self["beta_2"] ** self.count

    @cached_property
    def compensated_rate(self) -> tf.Tensor:
        return self.rate * self["rate_factor"]

    @cached_property
    def corrected_rate(self) -> tf.Tensor:
        return self.rate * tf.sqrt(1 - self.beta_2_power) / (1 - self.beta_1_power)

    @cached_property
    def decay(self) -> tf.Tensor:
        return self["weight_decay"] * self.rate

    @cached_property
    def nadam_factors(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Of the mean, of the gradient, and what the mean square is divided by."""
        product, beta_1 = self.scratch["u_product"], self["beta_1"]
        now = beta_1 * (1.0 - 0.5 * NADAM_DECAY**self.count)
        then = beta_1 * (1.0 - 0.5 * NADAM_DECAY ** (self.count + 1))
        return then / (1 - product * then), (1 - now) / (1 - product), 1 - self.beta_2_power


def plan(optimizer: keras.optimizers.Optimizer) -> tuple[UpdatePlan, list[float]]:
    """Reads an optimizer: its plan, and the values of its knobs.

    Raises:
        Unsupported: It does something that is not known here.
    """
    reader = READERS.get(type(optimizer))
    if reader is None:
        raise Unsupported(f"the optimizer {type(optimizer).__name__}")
    if optimizer.gradient_accumulation_steps is not None:
        raise Unsupported("an optimizer that accumulates gradients")
    if optimizer.use_ema or optimizer.loss_scale_factor is not None:
        raise Unsupported("an averaging or scaling optimizer")
    if optimizer.weight_decay is not None and type(optimizer) is not keras.optimizers.AdamW:
        raise Unsupported("weight decay outside adamw")
    kind, slots, flags, knobs = reader(optimizer)
    for clipping in CLIPPINGS:
        limit = getattr(optimizer, clipping, None)
        if limit:
            flags, knobs = (*flags, clipping), {**knobs, "clip_at": limit}
    made = UpdatePlan(kind=kind, slots=slots, flags=flags, knobs=tuple(knobs))
    return made, [float(value) for value in knobs.values()]


Read = tuple[str, tuple[float, ...], tuple[str, ...], dict[str, float]]


def _betas(optimizer: Any) -> dict[str, float]:
    return {
        "beta_1": optimizer.beta_1,
        "beta_2": optimizer.beta_2,
        "one_minus_beta_1": 1 - optimizer.beta_1,
        "one_minus_beta_2": 1 - optimizer.beta_2,
        "epsilon": optimizer.epsilon,
    }


def _read_adam(optimizer: Any) -> Read:
    knobs = _betas(optimizer)
    flags = ("amsgrad",) if optimizer.amsgrad else ()
    if not optimizer.amsgrad:
        knobs = _compensated(knobs)
    if optimizer.weight_decay:
        flags, knobs = (*flags, "weight_decay"), {**knobs, "weight_decay": optimizer.weight_decay}
    return "adam", (0.0,) * (3 if optimizer.amsgrad else 2), flags, knobs


def _compensated(knobs: dict[str, float]) -> dict[str, float]:
    """Makes up for TensorFlow's Adam, which computes ``1 - beta`` in float32.

    For a beta of 0.999 that is off by 1e-5 of itself, and the mean squared gradient with it,
    by a constant factor: one on the learning rate and on epsilon takes it out again.
    """
    mean, square = (
        float(np.float32(1) - np.float32(knobs[beta])) / (1 - knobs[beta])
        for beta in ("beta_1", "beta_2")
    )
    factor = math.sqrt(square)
    return {**knobs, "rate_factor": factor / mean, "epsilon": knobs["epsilon"] * factor}


def _read_sgd(optimizer: Any) -> Read:
    if not optimizer.momentum:
        return "sgd", (), (), {}
    flags = ("nesterov",) if optimizer.nesterov else ()
    return "momentum", (0.0,), flags, {"momentum": optimizer.momentum}


def _read_rmsprop(optimizer: Any) -> Read:
    if optimizer.centered:
        raise Unsupported("a centered rmsprop")
    return (
        "rmsprop",
        (0.0, 0.0),
        (),
        {"rho": optimizer.rho, "momentum": optimizer.momentum, "epsilon": optimizer.epsilon},
    )


def _read_adagrad(optimizer: Any) -> Read:
    start = float(optimizer.initial_accumulator_value)
    return "adagrad", (start,), (), {"epsilon": optimizer.epsilon}


def _read_adadelta(optimizer: Any) -> Read:
    return "adadelta", (0.0, 0.0), (), {"rho": optimizer.rho, "epsilon": optimizer.epsilon}


READERS: dict[type[keras.optimizers.Optimizer], Callable[[Any], Read]] = {
    keras.optimizers.Adam: _read_adam,
    keras.optimizers.AdamW: _read_adam,
    keras.optimizers.Nadam: lambda o: ("nadam", (0.0, 0.0), (), _betas(o)),
    keras.optimizers.Adamax: lambda o: ("adamax", (0.0, 0.0), (), _betas(o)),
    keras.optimizers.RMSprop: _read_rmsprop,
    keras.optimizers.SGD: _read_sgd,
    keras.optimizers.Adagrad: _read_adagrad,
    keras.optimizers.Adadelta: _read_adadelta,
}


def clip(made: UpdatePlan, step: Step, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Limits gradients as the optimizer says."""
    for clipping, rule in CLIPPINGS.items():
        if clipping in made.flags:
            return rule(gradients, step["clip_at"])
    return list(gradients)


def _clip_norms(gradients: Sequence[tf.Tensor], limit: tf.Tensor) -> list[tf.Tensor]:
    return [
        gradient * limit / tf.maximum(tf.sqrt(tf.reduce_sum(tf.square(gradient))), limit)
        for gradient in gradients
    ]


def _clip_global_norm(gradients: Sequence[tf.Tensor], limit: tf.Tensor) -> list[tf.Tensor]:
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients]))
    return [gradient * (limit / tf.maximum(norm, limit)) for gradient in gradients]


def _clip_values(gradients: Sequence[tf.Tensor], limit: tf.Tensor) -> list[tf.Tensor]:
    return [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients]


# By what Keras calls them.
CLIPPINGS: dict[str, Callable[[Sequence[tf.Tensor], tf.Tensor], list[tf.Tensor]]] = {
    "clipnorm": _clip_norms,
    "global_clipnorm": _clip_global_norm,
    "clipvalue": _clip_values,
}


def apply(
    made: UpdatePlan,
    step: Step,
    weight: tf.Variable,
    gradient: tf.Tensor,
    slots: Sequence[tf.Variable],
) -> None:
    """Changes a weight and its slots."""
    RULES[made.kind](made, step, weight, gradient, slots)


def _adam(
    made: UpdatePlan, step: Step, weight: tf.Variable, gradient: tf.Tensor, slots: Any
) -> None:
    if "weight_decay" in made.flags:
        weight.assign_sub(weight * step.decay)
    if "amsgrad" not in made.flags:
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=slots[0].handle,
            v=slots[1].handle,
            beta1_power=step.beta_1_power,
            beta2_power=step.beta_2_power,
            lr=step.compensated_rate,
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
    weight.assign_sub(mean * step.corrected_rate / (tf.sqrt(highest) + step["epsilon"]))


def _nadam(
    made: UpdatePlan, step: Step, weight: tf.Variable, gradient: tf.Tensor, slots: Any
) -> None:
    mean, square = slots
    of_mean, of_gradient, of_square = step.nadam_factors
    mean.assign_add((gradient - mean) * step["one_minus_beta_1"])
    square.assign_add((tf.square(gradient) - square) * step["one_minus_beta_2"])
    mean_hat = of_mean * mean + of_gradient * gradient
    weight.assign_sub(mean_hat * step.rate / (tf.sqrt(square / of_square) + step["epsilon"]))


def nadam_product(product: tf.Tensor, count: tf.Tensor, beta_1: tf.Tensor) -> tf.Tensor:
    """Product of Nadam's momenta up to this step."""
    return product * beta_1 * (1.0 - 0.5 * NADAM_DECAY**count)


def _adamax(
    made: UpdatePlan, step: Step, weight: tf.Variable, gradient: tf.Tensor, slots: Any
) -> None:
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


def _sgd(
    made: UpdatePlan, step: Step, weight: tf.Variable, gradient: tf.Tensor, slots: Any
) -> None:
    tf.raw_ops.ResourceApplyGradientDescent(var=weight.handle, alpha=step.rate, delta=gradient)


def _momentum(
    made: UpdatePlan, step: Step, weight: tf.Variable, gradient: tf.Tensor, slots: Any
) -> None:
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=weight.handle,
        accum=slots[0].handle,
        lr=step.rate,
        grad=gradient,
        momentum=step["momentum"],
        use_nesterov="nesterov" in made.flags,
    )


def _rmsprop(
    made: UpdatePlan, step: Step, weight: tf.Variable, gradient: tf.Tensor, slots: Any
) -> None:
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


def _adagrad(
    made: UpdatePlan, step: Step, weight: tf.Variable, gradient: tf.Tensor, slots: Any
) -> None:
    slots[0].assign_add(tf.square(gradient))
    weight.assign_sub(step.rate * gradient / tf.sqrt(slots[0] + step["epsilon"]))


def _adadelta(
    made: UpdatePlan, step: Step, weight: tf.Variable, gradient: tf.Tensor, slots: Any
) -> None:
    tf.raw_ops.ResourceApplyAdadelta(
        var=weight.handle,
        accum=slots[0].handle,
        accum_update=slots[1].handle,
        lr=step.rate,
        rho=step["rho"],
        epsilon=step["epsilon"],
        grad=gradient,
    )


Rule = Callable[[UpdatePlan, Step, tf.Variable, tf.Tensor, Any], None]
RULES: dict[str, Rule] = {
    "adam": _adam,
    "nadam": _nadam,
    "adamax": _adamax,
    "sgd": _sgd,
    "momentum": _momentum,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
}
