"""What an optimizer is: a class of Keras, and its update as the shared graph computes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import keras
import tensorflow as tf

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class UpdatePlan:
    """What the trace of an optimizer depends on.

    Attributes:
        name: Of the optimizer.
        slots: The initial value of each variable that it keeps for a weight.
        flags: Options that are constants of the graph, such as ``"nesterov"``.
        scalars: Names of its float values, in order.
    """

    name: str
    slots: tuple[float, ...]
    flags: tuple[str, ...] = ()
    scalars: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UpdateStep:
    """The values of one training step, the same for all weights.

    Attributes:
        rate: Learning rate, a float32 scalar.
        count: Steps including this one, a float32 scalar.
        scalars: By name, float32 scalars; ``one_minus_beta_1`` was computed in float64.
        flags: Of the plan.
        product: Of a factor for each step, kept beside the slots: a float32 scalar, 1 at first.
    """

    rate: tf.Tensor
    count: tf.Tensor
    scalars: Mapping[str, tf.Tensor]
    flags: tuple[str, ...] = ()
    product: tf.Variable
    _computed: dict[Any, Any] = field(default_factory=dict, init=False)

    def __getitem__(self, name: str) -> tf.Tensor:
        return self.scalars[name]

    def once(self, factor: Callable[[UpdateStep], T]) -> T:
        """What a function makes of this step, in the graph once and not once for every weight."""
        if factor not in self._computed:
            self._computed[factor] = factor(self)
        value: T = self._computed[factor]
        return value

    @cached_property
    def beta_1_power(self) -> tf.Tensor:
        return self["beta_1"] ** self.count

    @cached_property
    def beta_2_power(self) -> tf.Tensor:
        return self["beta_2"] ** self.count


# Slots, flags and scalars, see ``UpdatePlan``, the scalars with their values.
Extracted = tuple[tuple[float, ...], tuple[str, ...], dict[str, float]]
Slots = Sequence[tf.Variable]
Update = Callable[[UpdateStep, tf.Variable, tf.Tensor, Slots], None]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """An optimizer. Its options are in ``search_spaces.optimizers.OPTIMIZERS``.

    TensorFlow's fused update operations are used where they exist. They differ from Keras's
    separate operations by rounding only.

    Attributes:
        keras_class: Of Keras.
        read: Takes an instance of that class apart.
        update: Updates a weight and its slots in place, from the values of this step, the weight,
            its gradient (clipped, of its shape and dtype) and the slots of that shape.
        lacks: Options of Keras's class that the update has not.
        multiply: The product after this step, see ``UpdateStep``; None for optimizers without.
    """

    keras_class: type[keras.optimizers.Optimizer]
    read: Callable[[Any], Extracted]
    update: Update
    lacks: tuple[str, ...] = ()
    multiply: Callable[[UpdateStep], tf.Tensor] | None = None


BETAS = ("beta_1", "beta_2", "one_minus_beta_1", "one_minus_beta_2", "epsilon")


def attributes(optimizer: Any, names: Sequence[str]) -> dict[str, float]:
    """Values of an optimizer by name; ``one_minus_NAME`` is computed here, in float64."""
    return {name: _value(optimizer, name) for name in names}


def _value(optimizer: Any, name: str) -> float:
    attribute = name.removeprefix("one_minus_")
    value = getattr(optimizer, attribute)
    return value if attribute == name else 1 - value


def reads(slots: tuple[float, ...], *names: str) -> Callable[[Any], Extracted]:
    """Returns a ``read`` of an optimizer whose trace depends on nothing but its class."""
    return lambda optimizer: (slots, (), attributes(optimizer, names))
