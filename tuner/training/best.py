"""The best epoch of a trial, with the weights that it had."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

OBJECTIVE = "val_loss"


@dataclass
class BestEpoch:
    """Remembers the epoch with the lowest objective.

    Attributes:
        value: The lowest objective; None before there was a finite one.
        epoch: Counted from 1.
        metrics: Of that epoch.
        arrays: Values of all the model's variables then, in their order.
    """

    value: float | None = None
    epoch: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    arrays: list[NDArray[Any]] = field(default_factory=list)

    def see(self, model: keras.Model, epoch: int, metrics: Mapping[str, float]) -> None:
        """Takes a finished epoch into account."""
        value = metrics[OBJECTIVE]
        if not math.isfinite(value) or (self.value is not None and value >= self.value):
            return
        self.value, self.epoch, self.metrics = value, epoch, dict(metrics)
        self.arrays = [np.array(variable) for variable in model.variables]

    def restore(self, model: keras.Model) -> None:
        """Gives the model the weights of that epoch."""
        for variable, array in zip(model.variables, self.arrays, strict=False):
            variable.assign(array)
