"""The model of a trial as it was at the end of its best epoch, whoever trains it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
from numpy.typing import NDArray

from tuner.keras.fit_results import epoch_value
from tuner.studies.objective import Objective


class BestModel(keras.callbacks.Callback):
    """Remembers the weights of the epoch with the best objective, as KerasTuner's callback does.

    Its attributes are plain values and arrays, which ``TrialCallback`` saves and restores.

    Args:
        objective: The first one of the study.
    """

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self._objective = objective
        self._trained: list[keras.Model] = []
        self.best_value: float | None = None
        self.best_place: int | None = None  # among the models that were trained
        self.best_weights: list[NDArray[Any]] = []

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        if not self._trained or self._trained[-1] is not model:
            self._trained.append(model)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        value, sign = epoch_value(self._objective.name, logs or {}), self._objective.sign
        if value is None or not math.isfinite(value):
            return
        if self.best_value is None or sign * value < sign * self.best_value:
            self.best_value, self.best_place = value, len(self._trained) - 1
            self.best_weights = self.model.get_weights()

    def restored(self, model: keras.Model) -> keras.Model:
        """Returns the model with the weights of the best epoch, as it is where there is none.

        Args:
            model: Returned where no model was trained with this callback.
        """
        if self.best_place is None:
            return self._trained[-1] if self._trained else model
        best = self._trained[self.best_place]
        best.set_weights(self.best_weights)
        return best
