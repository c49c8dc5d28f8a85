"""How the learning rate falls; see ``search_spaces.training_parameters`` for the formulas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A trial's learning rates.

    Attributes:
        kind: ``"constant"``, ``"inverse_time"``, ``"exponential"``, ``"cosine"``, ``"plateau"``.
        initial: The learning rate of the first step; not used where it is constant.
        steps_per_epoch: Batches of an epoch.
        epochs: Of the whole trial.
        decay: Of ``inverse_time``, a step.
        decay_rate: Of ``exponential``, an epoch.
        warmup: Epochs over which the rate rises linearly to that of its kind.
    """

    kind: str
    initial: float
    steps_per_epoch: int
    epochs: int
    decay: float = 0.0
    decay_rate: float = 1.0
    warmup: int = 0

    @classmethod
    def of(
        cls, hyperparameters: Mapping[str, Any], *, steps_per_epoch: int, epochs: int
    ) -> Schedule:
        """The schedule that hyperparameters name."""
        return cls(
            kind=hyperparameters.get("schedule", "constant"),
            initial=hyperparameters.get("learning_rate", math.nan),
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            decay=hyperparameters.get("decay", 0.0),
            decay_rate=hyperparameters.get("decay_rate", 1.0),
            warmup=hyperparameters.get("warmup", 0),
        )

    def rates(self, epoch: int, current: float) -> NDArray[np.float32]:
        """Learning rates of an epoch's steps, float32 ``(steps_per_epoch,)``.

        Args:
            epoch: From 0.
            current: The learning rate as callbacks left it, for schedules that they govern.
        """
        step = epoch * self.steps_per_epoch + np.arange(self.steps_per_epoch, dtype=np.float64)
        if self.kind == "inverse_time":
            rates = self.initial / (1 + self.decay * step)
        elif self.kind == "exponential":
            rates = self.initial * self.decay_rate ** (step / self.steps_per_epoch)
        elif self.kind == "cosine":
            part = step / (self.epochs * self.steps_per_epoch)
            rates = self.initial * (1 + np.cos(np.pi * part)) / 2
        else:
            rates = np.full(self.steps_per_epoch, current)
        if epoch < self.warmup:
            rates = rates * (step + 1) / (self.warmup * self.steps_per_epoch)
        return rates.astype(np.float32)


def has_own_schedule(model: keras.Model) -> bool:
    """Whether a model was compiled with a schedule of Keras, so that its rate cannot be set."""
    schedule = keras.optimizers.schedules.LearningRateSchedule
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return isinstance(optimizer._learning_rate, schedule)
