"""One epoch of a compiled model, as many steps in one graph call as two seconds allow.

Stock ``fit`` goes back to Python after each step, which costs a small model more than its
arithmetic. Here the loop over the batches is in the graph, around Keras's own ``train_step``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuner.datasets.data import Part

CALL_SECONDS = 1.0  # aimed at for one graph call, so that signals and orders are obeyed soon
FIRST_STEPS = 20  # of the first call, before the speed is known
SCORED_ROWS = 1024  # rows of a validation batch

Logs = dict[str, float]


class GraphEpochs:
    """Trains a model on arrays that lie in memory.

    Args:
        model: Compiled.

    Attributes:
        path: What this way of training is called.
    """

    path = "graph: many of Keras's train_step in one call"

    def __init__(self, model: keras.Model, train: Part, validation: Part) -> None:
        self._model = model
        self._train = (tf.constant(train.x), tf.constant(train.y))
        self._validation = (tf.constant(validation.x), tf.constant(validation.y))
        self._steps = tf.function(self._run_steps, autograph=False)
        self._close = tf.function(self._close_epoch, autograph=False)
        self._steps_per_call = FIRST_STEPS
        _build(model, train)

    def run(
        self,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        batch_size: int,
        go_on: Callable[[], bool],
    ) -> Logs | None:
        """Trains one epoch and measures it on the validation part.

        Args:
            order: Of the training rows, ``(rows,)``.
            rates: Learning rate of each step, ``(steps,)``.
            go_on: Asked between two calls.

        Returns:
            Metrics, those of validation with ``val_``; None if it was not to go on.
        """
        order_tensor, rates_tensor = tf.constant(order), tf.constant(rates)
        batch, step, steps = tf.constant(batch_size), 0, len(rates)
        while step < steps:
            if not go_on():
                self._model.reset_metrics()
                return None
            stop = min(steps, step + self._steps_per_call)
            began = time.perf_counter()
            # An eager value back from the call: it has ended.
            int(
                self._steps(order_tensor, rates_tensor, batch, tf.constant(step), tf.constant(stop))
            )
            self._pace(stop - step, time.perf_counter() - began)
            step = stop
        return {name: float(value) for name, value in self._close().items()}

    def _pace(self, steps: int, seconds: float) -> None:
        self._steps_per_call = max(1, int(steps * CALL_SECONDS / max(seconds, 1e-6)))

    def _run_steps(
        self,
        order: tf.Tensor,
        rates: tf.Tensor,
        batch: tf.Tensor,
        start: tf.Tensor,
        stop: tf.Tensor,
    ) -> tf.Tensor:
        x, y = self._train

        def body(step: tf.Tensor) -> list[tf.Tensor]:
            self._model.optimizer.learning_rate.assign(rates[step])
            rows = order[step * batch : (step + 1) * batch]  # the last batch may be smaller
            self._model.train_step((tf.gather(x, rows), tf.gather(y, rows)))
            return [step + 1]

        return tf.while_loop(lambda step: step < stop, body, [start])[0]

    def _close_epoch(self) -> dict[str, tf.Tensor]:
        metrics = dict(self._model.get_metrics_result())
        scores = _score(self._model, *self._validation)
        return metrics | {f"val_{name}": value for name, value in scores.items()}


class StockEpochs:
    """Trains with Keras's own ``fit``, for models that do not fit in a graph of ours.

    Args:
        why: What kept the model from the faster way.
    """

    def __init__(self, model: keras.Model, train: Part, validation: Part, *, why: str) -> None:
        self._model, self._part = model, train
        self._validation = (validation.x, validation.y)
        self.path = f"stock fit: {why}"

    def run(
        self,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        batch_size: int,
        go_on: Callable[[], bool],
    ) -> Logs | None:
        """See ``GraphEpochs.run``."""
        watch = _BetweenBatches(rates, go_on)
        history = self._model.fit(
            self._part.x[order],
            self._part.y[order],
            batch_size=batch_size,
            shuffle=False,
            verbose=0,
            validation_data=self._validation,
            validation_batch_size=SCORED_ROWS,
            callbacks=[watch],
        ).history
        if watch.stopped:
            return None
        return {name: float(values[-1]) for name, values in history.items()}


class _BetweenBatches(keras.callbacks.Callback):
    """Sets the learning rate of each batch, and stops when training is not to go on."""

    def __init__(self, rates: NDArray[np.float32], go_on: Callable[[], bool]) -> None:
        super().__init__()
        self._rates, self._go_on = rates, go_on
        self.stopped = False

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = float(self._rates[batch])

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._go_on():
            self.stopped = self.model.stop_training = True


def evaluate(model: keras.Model, part: Part, *, prefix: str = "") -> Logs:
    """Loss and metrics of a compiled model on some rows, by their names with a prefix."""
    if model.run_eagerly:
        scores = model.evaluate(part.x, part.y, verbose=0, return_dict=True)
    else:
        model.reset_metrics()
        x, y = tf.constant(part.x), tf.constant(part.y)
        scores = tf.function(lambda: _score(model, x, y), autograph=False)()
    return {prefix + name: float(value) for name, value in scores.items()}


def _score(model: keras.Model, x: tf.Tensor, y: tf.Tensor) -> dict[str, tf.Tensor]:
    """Metrics of a model over rows, batch by batch; leaves its metrics as new."""
    model.reset_metrics()
    rows = tf.shape(x)[0]

    def body(start: tf.Tensor) -> list[tf.Tensor]:
        stop = tf.minimum(start + SCORED_ROWS, rows)
        model.test_step((x[start:stop], y[start:stop]))
        return [stop]

    tf.while_loop(lambda start: start < rows, body, [tf.constant(0)])
    metrics = dict(model.get_metrics_result())
    model.reset_metrics()
    return metrics


def _build(model: keras.Model, train: Part) -> None:
    """Makes all variables of model, optimizer and metrics: none may be made inside a loop."""
    batch = (tf.constant(train.x[:2]), tf.constant(train.y[:2]))
    model._symbolic_build(data_batch=batch)
    model.optimizer.build(model.trainable_variables)
    model.reset_metrics()
