"""Epochs of a compiled model with Keras's own steps, about a second of them in one graph call.

Stock ``fit`` returns to Python after each step, which takes longer than the arithmetic of a small
model. Here the loop over the batches is in the graph, around Keras's own ``train_step``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuner.datasets.prepared_data import Part
from tuner.resources.tensorflow_device import optimize_graphs
from tuner.training.learning_rate_schedules import has_own_schedule
from tuner.training.row_batches import fed
from tuner.training.row_tensors import Tensors, fits_on_device, rows_of, steps_at_once, tensors

CALL_SECONDS = 1.0  # target of one graph call: in between signals and commands are obeyed
FIRST_STEPS = 1  # of the first call: the speed is unknown and a step may take seconds
VALIDATION_BATCH = 1024  # rows of a validation batch

Logs = dict[str, float]
Array = NDArray[Any]


class KerasEpochs:
    """Base class of training with Keras's own steps.

    Args:
        model: Compiled.
        train: Rows to train on.
        validation: Rows that are measured after each epoch.
        why: Why no faster implementation could be used.

    Attributes:
        way: Names the implementation in checkpoints.
        path: Which implementation trains the model, and why.
    """

    way = ""

    def __init__(self, model: keras.Model, train: Part, validation: Part, *, why: str) -> None:
        self._model, self._train, self._validation = model, train, validation
        self.path = f"{self.way}: {why}"
        optimize_graphs(True)
        _build(model, train)

    def score(self, part: Part) -> Logs:
        """Loss and metrics of a part, by name, with the current weights."""
        rows = fed(part, VALIDATION_BATCH)
        scores = self._model.evaluate(**rows, verbose=0, return_dict=True)
        return {name: float(value) for name, value in scores.items()}

    def _logs_of_epoch(self) -> Logs:
        """Loss and metrics since their last reset, and those of the validation part."""
        logs = {name: float(value) for name, value in self._model.get_metrics_result().items()}
        scores = self.score(self._validation)
        self._model.reset_metrics()
        return logs | {f"val_{name}": value for name, value in scores.items()}

    def model_arrays(self) -> list[Array]:
        """Copies of all weights and random states."""
        return values_of(self._model.variables)

    def optimizer_arrays(self) -> list[Array]:
        """Copies of the optimizer's variables, the learning rate among them."""
        return values_of(optimizer_variables(self._model))

    def assign_model(self, arrays: Sequence[Array]) -> None:
        """Assigns what ``model_arrays`` returned."""
        assign(self._model.variables, arrays)

    def assign_optimizer(self, arrays: Sequence[Array]) -> None:
        """Assigns what ``optimizer_arrays`` returned."""
        assign(optimizer_variables(self._model), arrays)


class GraphEpochs(KerasEpochs):
    """Trains a model on arrays in memory, many of Keras's steps in one graph call."""

    way = "graph of Keras's steps"

    def __init__(self, model: keras.Model, train: Part, validation: Part, *, why: str) -> None:
        super().__init__(model, train, validation, why=why)
        self._rows = rows_of(train)
        self._validation_rows = tensors(validation) if fits_on_device(validation) else None
        rows = [tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in train.arrays.values()]
        order, rates = tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32)
        number = tf.TensorSpec([], tf.int32)
        self._steps = tf.function(
            self._run_steps,
            autograph=False,
            input_signature=[tuple(rows), order, rates, number, number],
        )
        self._finish_epoch = tf.function(self._epoch_logs, autograph=False)
        self._steps_per_call = FIRST_STEPS

    def run(
        self,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        batch_size: int,
        should_continue: Callable[[], bool],
    ) -> Logs | None:
        """Trains one epoch and measures it on the validation part.

        Args:
            order: Positions of the training rows in this epoch, int32 ``(rows,)``.
            rates: Learning rate of each step, float32 ``(steps,)``.
            batch_size: Rows of a step; the last step may have fewer.
            should_continue: Called between two graph calls.

        Returns:
            Loss and metrics, those of validation with the prefix ``val_``; None if interrupted.
        """
        batch, step, steps = tf.constant(batch_size), 0, len(rates)
        with rate_kept(self._model):
            while step < steps:
                if not should_continue():
                    self._model.reset_metrics()
                    return None
                at_once = steps_at_once(self._rows, batch_size, self._steps_per_call)
                stop = min(steps, step + at_once)
                began = time.perf_counter()
                rows, positions = self._rows.at(order[step * batch_size : stop * batch_size])
                count = tf.constant(stop - step)
                # Converting the result waits for the call to end: on a GPU it returns before.
                int(self._steps(rows, positions, tf.constant(rates[step:stop]), batch, count))
                self._adapt_call_length(stop - step, time.perf_counter() - began)
                step = stop
        if self._validation_rows is None:
            return self._logs_of_epoch()
        return {name: float(value) for name, value in self._finish_epoch().items()}

    def _adapt_call_length(self, steps: int, seconds: float) -> None:
        self._steps_per_call = max(1, int(steps * CALL_SECONDS / max(seconds, 1e-6)))

    def _run_steps(
        self,
        part: Tensors,
        order: tf.Tensor,
        rates: tf.Tensor,
        batch: tf.Tensor,
        steps: tf.Tensor,
    ) -> tf.Tensor:
        """Trains on the rows at ``order``, in steps of so many; returns how many steps."""
        sets_rate = not has_own_schedule(self._model)

        def body(step: tf.Tensor) -> list[tf.Tensor]:
            if sets_rate:
                self._model.optimizer.learning_rate.assign(rates[step])
            rows = order[step * batch : (step + 1) * batch]  # the last batch may be smaller
            self._model.train_step(tuple(tf.gather(array, rows) for array in part))
            return [step + 1]

        return tf.while_loop(lambda step: step < steps, body, [tf.constant(0)])[0]

    def _epoch_logs(self) -> dict[str, tf.Tensor]:
        metrics = dict(self._model.get_metrics_result())
        assert self._validation_rows is not None
        scores = _score(self._model, self._validation_rows)
        return metrics | {f"val_{name}": value for name, value in scores.items()}


class StockEpochs(KerasEpochs):
    """Trains with Keras's own ``fit``, for models that cannot be traced inside a loop."""

    way = "stock fit"

    def run(
        self,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        batch_size: int,
        should_continue: Callable[[], bool],
    ) -> Logs | None:
        """See ``GraphEpochs.run``."""
        between_batches = _BetweenBatches(rates, should_continue)
        validation = fed(self._validation, VALIDATION_BATCH)
        held = (validation[name] for name in ("x", "y", "sample_weight") if name in validation)
        with rate_kept(self._model):
            history = self._model.fit(
                **fed(self._train, batch_size, order),
                shuffle=False,
                verbose=0,
                validation_data=tuple(held) if "y" in validation else validation["x"],
                validation_batch_size=validation.get("batch_size"),
                callbacks=[between_batches],
            ).history
        if between_batches.stopped:
            return None
        return {name: float(values[-1]) for name, values in history.items()}


@contextmanager
def rate_kept(model: keras.Model) -> Iterator[None]:
    """Leaves the model's own learning rate, which callbacks change, as it is between epochs."""
    rate = float(model.optimizer.learning_rate)
    try:
        yield
    finally:
        if not has_own_schedule(model):
            model.optimizer.learning_rate = rate


class _BetweenBatches(keras.callbacks.Callback):
    """Sets the learning rate of each batch, and stops training when asked to."""

    def __init__(self, rates: NDArray[np.float32], should_continue: Callable[[], bool]) -> None:
        super().__init__()
        self._rates, self._should_continue = rates, should_continue
        self.stopped = False

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not has_own_schedule(self.model):
            self.model.optimizer.learning_rate = float(self._rates[batch])

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._should_continue():
            self.stopped = self.model.stop_training = True


def _score(model: keras.Model, part: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
    """Metrics of a model over rows, batch by batch; resets its metrics afterwards."""
    model.reset_metrics()
    rows = tf.shape(part[0])[0]

    def body(start: tf.Tensor) -> list[tf.Tensor]:
        stop = tf.minimum(start + VALIDATION_BATCH, rows)
        model.test_step(tuple(array[start:stop] for array in part))
        return [stop]

    tf.while_loop(lambda start: start < rows, body, [tf.constant(0)])
    metrics = dict(model.get_metrics_result())
    model.reset_metrics()
    return metrics


def _build(model: keras.Model, train: Part) -> None:
    """Creates all variables of model, optimizer and metrics: a traced loop may not create any."""
    batch = tuple(tf.constant(array) for array in train.first(2).arrays.values())
    model._symbolic_build(data_batch=batch)
    model.optimizer.build(model.trainable_variables)
    model.reset_metrics()


def optimizer_variables(model: keras.Model) -> list[keras.Variable]:
    """All variables of a model's optimizer that it goes on from."""
    optimizer = model.optimizer
    variables = list(optimizer.variables)
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
    product = getattr(
        inner, "_u_product", None
    )  # of Nadam, missing in ``variables``: without it a resumed trial differs
    if product is not None and all(product is not variable for variable in variables):
        variables.append(product)
    return variables


def values_of(variables: Sequence[keras.Variable]) -> list[Array]:
    """Copies of variables' values; a scalar becomes an array without axes."""
    return [np.asarray(variable.value.numpy()) for variable in variables]


def assign(variables: Sequence[keras.Variable], arrays: Sequence[Array]) -> None:
    """Assigns what ``values_of`` returned.

    Raises:
        ValueError: There are more or fewer arrays than variables.
    """
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
