"""Epochs of one trial on the program of its architecture."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from search_spaces.shapes import Outputs
from tuner.datasets.data import Part
from tuner.training.device import optimize_graphs
from tuner.training.losses import TaskLoss
from tuner.training.program import measures, updates
from tuner.training.program.architecture import Reading, Unsupported, read
from tuner.training.program.losses import ACTIVATIONS
from tuner.training.program.program import Key, program
from tuner.training.rows import tensors

CALL_SECONDS = 1.0  # aimed at for one graph call, so that signals and orders are obeyed soon
SCORED_ROWS = 1024  # rows of a validation batch
SPEED = 2e9  # operations a second, guessed low, before the first call was timed

Logs = dict[str, float]
Array = NDArray[Any]


class ProgramEpochs:
    """Trains a model on a program that other trials share.

    Args:
        model: Compiled with an optimizer; its weights are taken over, and given back by
            ``assign_model``.

    Raises:
        Unsupported: Only Keras itself can train it; why.
    """

    way = "program"
    path = f"{way}: one trace for every width and value"

    def __init__(
        self,
        model: keras.Model,
        train: Part,
        validation: Part,
        *,
        outputs: Outputs,
        metrics: Sequence[str],
    ) -> None:
        if outputs.heads is not None:
            raise Unsupported("several outputs")
        self._accuracy = outputs.task != "regression"
        further = [name for name in metrics if not (self._accuracy and name == "accuracy")]
        measures.check(further)
        reading = read(model)
        update, knobs = updates.plan(model.optimizer)
        _check_head(reading, outputs)
        key = Key(
            plans=reading.plans,
            update=update,
            loss=_loss(model, outputs),
            row=train.x.shape[1:],
            target=(train.y.shape[1:], train.y.dtype.name),
            outputs=outputs,
            metrics=tuple(further),
            weighted=train.weights is not None or validation.weights is not None,
        )
        optimize_graphs(False)
        self._program = program(key, reading)
        self._program.begin(reading, knobs)
        self._reading = reading
        self._weighted = key.weighted
        self._train, self._validation = self._tensors(train), self._tensors(validation)
        self._seconds_per_row = 6 * reading.products / SPEED  # of both passes, and their sums

    def run(
        self,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        batch_size: int,
        go_on: Callable[[], bool],
    ) -> Logs | None:
        """Trains one epoch and measures it; see ``GraphEpochs.run``."""
        order_tensor, rates_tensor = tf.constant(order), tf.constant(rates)
        batch = tf.constant(batch_size)
        step, steps, loss, hits = 0, len(rates), tf.zeros([]), tf.zeros([])
        self._program.measures.reset()
        while step < steps:
            if not go_on():
                return None
            stop = min(steps, step + self._steps_per_call(batch_size))
            began = time.perf_counter()
            span = tf.constant(step), tf.constant(stop)
            loss, hits = self._program.steps(
                *self._train, order_tensor, rates_tensor, batch, *span, loss, hits
            )
            loss.numpy()  # waits for it
            self._seconds_per_row = (time.perf_counter() - began) / ((stop - step) * batch_size)
            step = stop
        scores = self._logs(float(loss), float(hits), len(order))
        validation = self._score(self._validation)
        return scores | {f"val_{name}": value for name, value in validation.items()}

    def score(self, part: Part) -> Logs:
        """Loss and metrics on some rows, with the weights as they are now."""
        return self._score(self._tensors(part))

    def model_arrays(self) -> list[Array]:
        """Values of all weights and random states."""
        return [weight.numpy() for weight in self._program.weights]

    def optimizer_arrays(self) -> list[Array]:
        """Values of all that the optimizer keeps."""
        return [variable.numpy() for variable in self._optimizer_variables()]

    def assign_model(self, arrays: Sequence[Array]) -> None:
        """Sets all weights, here and in the model."""
        pairs = zip(self._program.weights, self._reading.weights, arrays, strict=True)
        for own, weight, array in pairs:
            own.assign(array)
            weight.assign(array)

    def assign_optimizer(self, arrays: Sequence[Array]) -> None:
        """Sets all that the optimizer keeps."""
        for variable, array in zip(self._optimizer_variables(), arrays, strict=True):
            variable.assign(array)

    def _optimizer_variables(self) -> list[tf.Variable]:
        slots = [slot for slots in self._program.slots for slot in slots]
        return [self._program.count, self._program.product, *slots]

    def _steps_per_call(self, batch_size: int) -> int:
        return max(1, int(CALL_SECONDS / max(self._seconds_per_row * batch_size, 1e-9)))

    def _tensors(self, part: Part) -> tuple[tf.Tensor, ...]:
        """Features, targets and weights: of a part without any, ones; none where none count."""
        found = tensors(part)
        if len(found) == 3:
            return found
        return *found, tf.ones([len(part) if self._weighted else 0])

    def _score(self, rows: tuple[tf.Tensor, ...]) -> Logs:
        self._program.measures.reset()
        count, loss, hits = int(rows[0].shape[0]), 0.0, 0.0
        for start in range(0, count, SCORED_ROWS):
            stop = min(count, start + SCORED_ROWS)
            more = self._program.score(*rows, tf.constant(start), tf.constant(stop))
            loss, hits = loss + float(more[0]), hits + float(more[1])
        return self._logs(loss, hits, count)

    def _logs(self, loss: float, hits: float, rows: int) -> Logs:
        """What the last calls brought: ``rows`` is how many rows they took."""
        logs = {"loss": loss / rows, **self._program.measures.results()}
        return {"accuracy": hits / rows, **logs} if self._accuracy else logs


def _loss(model: keras.Model, outputs: Outputs) -> str | TaskLoss:
    loss = model.loss
    if isinstance(loss, TaskLoss) and not loss.is_of_rows:
        raise Unsupported(f"the loss {loss.name}, which is of all rows of a batch at once")
    return loss if isinstance(loss, TaskLoss) else outputs.loss


def _check_head(reading: Reading, outputs: Outputs) -> None:
    head = reading.plans[-1]
    expected = ACTIVATIONS.get(outputs.loss)
    if expected is None:
        raise Unsupported(f"the loss {outputs.loss}")
    if head.kind != "dense" or head.option("activation") != expected:
        raise Unsupported(f"a head other than a dense layer with {expected}")
    if reading.units != outputs.units:
        raise Unsupported(f"a head of {reading.units} units where the task has {outputs.units}")
