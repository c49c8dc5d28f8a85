"""One epoch of a compiled model, as many steps in one graph call as two seconds allow.

Stock ``fit`` goes back to Python after each step, which costs a small model more than its
arithmetic. Here the loop over the batches is in the graph, around Keras's own ``train_step``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuner.datasets.data import Part
from tuner.training.device import optimize_graphs
from tuner.training.rows import tensors

CALL_SECONDS = 1.0  # aimed at for one graph call, so that signals and orders are obeyed soon
FIRST_STEPS = 1  # of the first call, before the speed is known: a step may take seconds
SCORED_ROWS = 1024  # rows of a validation batch

Logs = dict[str, float]
Array = NDArray[Any]


class KerasEpochs:
    """What training with Keras's own steps has in common.

    Args:
        model: Compiled.
        why: What kept the model from a faster way.

    Attributes:
        path: How it is trained, and why so.
    """

    way = ""

    def __init__(self, model: keras.Model, train: Part, validation: Part, *, why: str) -> None:
        self._model, self._train, self._validation = model, train, validation
        self.path = f"{self.way}: {why}"
        optimize_graphs(True)
        _build(model, train)

    def score(self, part: Part) -> Logs:
        """Loss and metrics on some rows, with the weights as they are now."""
        scores = self._model.evaluate(
            part.x,
            part.y,
            sample_weight=part.weights,
            batch_size=SCORED_ROWS,
            verbose=0,
            return_dict=True,
        )
        return {name: float(value) for name, value in scores.items()}

    def model_arrays(self) -> list[Array]:
        """Values of all weights and random states."""
        return [np.array(variable) for variable in self._model.variables]

    def optimizer_arrays(self) -> list[Array]:
        """Values of all that the optimizer keeps."""
        return [np.array(variable) for variable in _optimizer_variables(self._model)]

    def assign_model(self, arrays: Sequence[Array]) -> None:
        """Sets all weights."""
        _assign(self._model.variables, arrays)

    def assign_optimizer(self, arrays: Sequence[Array]) -> None:
        """Sets all that the optimizer keeps."""
        _assign(_optimizer_variables(self._model), arrays)


class GraphEpochs(KerasEpochs):
    """Trains a model on arrays that lie in memory, many of Keras's steps in one graph call."""

    way = "graph of Keras's steps"

    def __init__(self, model: keras.Model, train: Part, validation: Part, *, why: str) -> None:
        super().__init__(model, train, validation, why=why)
        self._rows, self._scored = tensors(train), tensors(validation)
        self._steps = tf.function(self._run_steps, autograph=False)
        self._close = tf.function(self._close_epoch, autograph=False)
        self._steps_per_call = FIRST_STEPS

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
        def body(step: tf.Tensor) -> list[tf.Tensor]:
            self._model.optimizer.learning_rate.assign(rates[step])
            rows = order[step * batch : (step + 1) * batch]  # the last batch may be smaller
            self._model.train_step(tuple(tf.gather(array, rows) for array in self._rows))
            return [step + 1]

        return tf.while_loop(lambda step: step < stop, body, [start])[0]

    def _close_epoch(self) -> dict[str, tf.Tensor]:
        metrics = dict(self._model.get_metrics_result())
        scores = _score(self._model, self._scored)
        return metrics | {f"val_{name}": value for name, value in scores.items()}


class StockEpochs(KerasEpochs):
    """Trains with Keras's own ``fit``, for models that do not go into a graph of ours."""

    way = "stock fit"

    def run(
        self,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        batch_size: int,
        go_on: Callable[[], bool],
    ) -> Logs | None:
        """See ``GraphEpochs.run``."""
        watch = _BetweenBatches(rates, go_on)
        train = {name: array[order] for name, array in self._train.arrays.items()}
        history = self._model.fit(
            train["x"],
            train["y"],
            sample_weight=train.get("weights"),
            batch_size=batch_size,
            shuffle=False,
            verbose=0,
            validation_data=tuple(self._validation.arrays.values()),
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


def _score(model: keras.Model, part: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
    """Metrics of a model over rows, batch by batch; leaves its metrics as new."""
    model.reset_metrics()
    rows = tf.shape(part[0])[0]

    def body(start: tf.Tensor) -> list[tf.Tensor]:
        stop = tf.minimum(start + SCORED_ROWS, rows)
        model.test_step(tuple(array[start:stop] for array in part))
        return [stop]

    tf.while_loop(lambda start: start < rows, body, [tf.constant(0)])
    metrics = dict(model.get_metrics_result())
    model.reset_metrics()
    return metrics


def _build(model: keras.Model, train: Part) -> None:
    """Makes all variables of model, optimizer and metrics: none may be made inside a loop."""
    batch = tuple(tf.constant(array) for array in train.first(2).arrays.values())
    model._symbolic_build(data_batch=batch)
    model.optimizer.build(model.trainable_variables)
    model.reset_metrics()


def _optimizer_variables(model: keras.Model) -> list[keras.Variable]:
    optimizer = model.optimizer
    variables = list(optimizer.variables)
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # where losses are scaled
    product = getattr(inner, "_u_product", None)  # Nadam does not count it among them
    if product is not None and all(product is not variable for variable in variables):
        variables.append(product)
    return variables


def _assign(variables: Sequence[keras.Variable], arrays: Sequence[Array]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
