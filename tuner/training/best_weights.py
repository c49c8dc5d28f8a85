"""The best epoch of a trial, with the weights that it had."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from tuner.studies.objective import Objective


@dataclass
class BestEpoch:
    """Remembers the epoch with the best objective.

    Attributes:
        value: The best objective; None before there was a finite one.
        epoch: Counted from 1.
        metrics: Of that epoch.
        arrays: Values of all the model's variables then, in their order.
    """

    value: float | None = None
    epoch: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    arrays: list[NDArray[Any]] = field(default_factory=list)

    def see(
        self,
        epoch: int,
        metrics: Mapping[str, float],
        arrays: Callable[[], list[NDArray[Any]]],
        objective: Objective,
    ) -> None:
        """Takes a finished epoch into account.

        Args:
            arrays: Gives the values of all the model's variables now.
        """
        value, sign = metrics[objective.name], objective.sign
        if not math.isfinite(value):
            return
        if self.value is not None and sign * value >= sign * self.value:
            return
        self.value, self.epoch, self.metrics = value, epoch, dict(metrics)
        self.arrays = arrays()
