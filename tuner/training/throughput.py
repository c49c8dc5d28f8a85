"""How fast a model trains: some steps at a time, without an end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.datasets.prepared_data import Data
from tuner.training.compilation import compile_model
from tuner.training.epoch_implementations import Epochs, fastest_epochs
from tuner.training.keras_epochs import GraphEpochs, StockEpochs
from tuner.training.seeding import batch_order


class ThroughputMeter:
    """Trains a model as a trial would be, but for as many steps as one likes.

    Args:
        model: As ``build`` returned it; compiled here.
        hyperparameters: Of a trial.
        metrics: Names of further Keras metrics.
    """

    def __init__(
        self,
        model: keras.Model,
        hyperparameters: Mapping[str, Any],
        data: Data,
        *,
        metrics: Sequence[str] = (),
    ) -> None:
        # Of phases the last one, in which most layers learn.
        compiled = compile_model(model, hyperparameters, data.outputs, metrics=metrics, phase=-1)
        self._batch: int = hyperparameters["batch_size"]
        self._rate = float(model.optimizer.learning_rate)
        self._order = batch_order(0, 0, len(data.train))
        self._model, self._data = model, _scored_little(data, self._batch)
        self._epochs: Epochs = fastest_epochs(
            model, self._data, compiled.metrics, why_keras=compiled.why_keras
        )
        self.steps = math.ceil(len(self._order) / self._batch)

    def run(self, steps: int) -> int:
        """Trains so many steps, at most ``self.steps`` (an epoch); returns the rows they took."""
        order = self._order[: steps * self._batch]
        rates = np.full(math.ceil(len(order) / self._batch), self._rate, np.float32)
        try:
            self._epochs.run(order, rates, self._batch, lambda: True)
        except (tf.errors.ResourceExhaustedError, MemoryError):
            raise
        except Exception as e:  # see ``loop``: something of the model does not go into a graph
            if not isinstance(self._epochs, GraphEpochs):
                raise
            data = self._data
            self._epochs = StockEpochs(self._model, data.train, data.validation, why=str(e))
            self._epochs.run(order, rates, self._batch, lambda: True)
        return len(order)


def _scored_little(data: Data, rows: int) -> Data:
    """The same data with a validation part that takes next to no time; of a stream its sample."""
    return replace(data, validation=data.validation.first(rows), stream=None)
