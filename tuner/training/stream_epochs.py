"""Epochs of a model whose training rows are read anew in each of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuner.datasets.prepared_data import Part
from tuner.datasets.prepared_stream import PreparedStream
from tuner.training.keras_epochs import KerasEpochs, Logs, rate_kept
from tuner.training.learning_rate_schedules import has_own_schedule


class StreamEpochs(KerasEpochs):
    """Trains on a stream, whose rows are never together, with one of Keras's steps at a time.

    Not with ``fit``: where the length of an epoch is not known, Keras 3 counts one step too many
    for the optimizer at its end, so that Adam corrects its moments wrongly from then on.

    Args:
        model: Compiled.
        stream: Of training rows.
        sample: Some of them, by which variables are made.
        validation: Rows that are measured after each epoch.
    """

    way = "streamed steps of Keras"

    def __init__(
        self, model: keras.Model, stream: PreparedStream, sample: Part, validation: Part
    ) -> None:
        super().__init__(model, sample, validation, why="rows are read anew in every epoch")
        self._stream = stream
        self._step = model.train_step
        if not model.run_eagerly:
            batch = tuple(
                tf.TensorSpec((None, *array.shape[1:]), array.dtype)
                for array in (sample.x, sample.y)
            )
            self._step = tf.function(model.train_step, input_signature=[batch], autograph=False)

    def run(
        self,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        batch_size: int,
        should_continue: Callable[[], bool],
    ) -> Logs | None:
        """See ``GraphEpochs.run``.

        Args:
            order: One number: the seed of the pass.
            rates: Learning rate of each step; a longer pass goes on with the last one.
        """
        model, sets_rate = self._model, not has_own_schedule(self._model)
        model.reset_metrics()
        batches = self._stream.batches(int(order[0]), batch_size)
        with rate_kept(model), closing(batches):
            for step, batch in enumerate(batches):
                if not should_continue():
                    model.reset_metrics()
                    return None
                if sets_rate:
                    model.optimizer.learning_rate = float(rates[min(step, len(rates) - 1)])
                self._step(tuple(map(tf.constant, batch)))
        return self._logs_of_epoch()
