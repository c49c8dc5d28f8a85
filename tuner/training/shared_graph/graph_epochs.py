"""Epochs of one trial on the shared graph of its architecture."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from search_spaces.shapes import Outputs
from tuner.datasets.prepared_data import Part
from tuner.resources.tensorflow_device import optimize_graphs
from tuner.training.losses import TaskLoss
from tuner.training.row_tensors import Tensors, rows_of, steps_at_once
from tuner.training.shared_graph import metric_formulas
from tuner.training.shared_graph.loss_formulas import ACTIVATIONS
from tuner.training.shared_graph.model_reader import ExtractedModel, Unsupported, extract_model
from tuner.training.shared_graph.optimizer_reader import extract_optimizer
from tuner.training.shared_graph.traced_graph import GraphKey, shared_graph

CALL_SECONDS = 1.0  # target of one graph call: in between signals and commands are obeyed
VALIDATION_BATCH = 1024  # rows of a validation batch
GUESSED_SPEED = 2e9  # operations a second until the first call is timed; low, for short calls

Logs = dict[str, float]
Array = NDArray[Any]


class SharedGraphEpochs:
    """Trains a model on a traced graph that other trials share.

    Args:
        model: Compiled with an optimizer. Its weights are copied to the graph, and back only by
            ``assign_model``.
        train: Rows to train on.
        validation: Rows that are measured after each epoch.
        outputs: Of the model.
        metrics: Names of Keras metrics beside the loss.
        scored: Other parts that ``score`` will be asked for.

    Attributes:
        way: Names this class in checkpoints.
        path: How it is trained, for people.

    Raises:
        Unsupported: Only Keras itself can train the model; the message says why.
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
        scored: Sequence[Part] = (),
    ) -> None:
        if outputs.heads is not None:
            raise Unsupported("several outputs")
        self._accuracy = outputs.task != "regression"
        extra_metrics = [name for name in metrics if not (self._accuracy and name == "accuracy")]
        metric_formulas.check(extra_metrics)
        extracted = extract_model(model)
        update, scalars = extract_optimizer(model.optimizer)
        _check_head(extracted, outputs)
        loss = _loss(model, outputs)
        values = loss.values if isinstance(loss, TaskLoss) else {}
        key = GraphKey(
            plans=extracted.plans,
            update=update,
            loss=loss.kind if isinstance(loss, TaskLoss) else loss,
            loss_values=tuple(values),
            row=train.x.shape[1:],
            target=(train.y.shape[1:], train.y.dtype.name),
            outputs=outputs,
            metrics=tuple(extra_metrics),
            weighted=any(part.weights is not None for part in (train, validation, *scored)),
        )
        optimize_graphs(False)
        self._graph = shared_graph(key, extracted)
        self._graph.begin(extracted, scalars, [*values.values()])
        self._extracted = extracted
        self._weighted = key.weighted
        self._train, self._validation = rows_of(train), validation
        # Multiply and add, in the forward pass and in two products of the backward pass.
        self._seconds_per_row = 6 * extracted.multiplications / GUESSED_SPEED

    def run(
        self,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        batch_size: int,
        should_continue: Callable[[], bool],
    ) -> Logs | None:
        """Trains and validates one epoch; see ``GraphEpochs.run``."""
        batch, first = tf.constant(batch_size), tf.constant(0)
        step, steps, loss, hits = 0, len(rates), tf.zeros([]), tf.zeros([])
        self._graph.metric_sums.reset()
        while step < steps:
            if not should_continue():
                return None
            at_once = steps_at_once(self._train, batch_size, self._steps_per_call(batch_size))
            stop = min(steps, step + at_once)
            began = time.perf_counter()
            rows, positions = self._train.at(order[step * batch_size : stop * batch_size])
            rows, rates_of_call = self._weighed(rows), tf.constant(rates[step:stop])
            count = tf.constant(stop - step)
            loss, hits = self._graph.steps(
                *rows, positions, rates_of_call, batch, first, count, loss, hits
            )
            loss.numpy()  # waits for the result: on a GPU the call returns before it has ended
            self._seconds_per_row = (time.perf_counter() - began) / ((stop - step) * batch_size)
            step = stop
        scores = self._logs(float(loss), float(hits), len(order))
        validation = self.score(self._validation)
        return scores | {f"val_{name}": value for name, value in validation.items()}

    def score(self, part: Part) -> Logs:
        """Loss and metrics of a part, by name, with the current weights."""
        self._graph.metric_sums.reset()
        rows, count, loss, hits = rows_of(part), len(part), 0.0, 0.0
        for start in range(0, count, VALIDATION_BATCH):
            tensors, *span = rows.between(start, min(count, start + VALIDATION_BATCH))
            batch_sums = self._graph.score(*self._weighed(tensors), *map(tf.constant, span))
            loss, hits = loss + float(batch_sums[0]), hits + float(batch_sums[1])
        return self._logs(loss, hits, count)

    def model_arrays(self) -> list[Array]:
        """Copies of all weights and random states, in the order of the layers."""
        return [weight.numpy() for weight in self._graph.weights]

    def optimizer_arrays(self) -> list[Array]:
        """Copies of the optimizer's variables: step count, product of momenta, slots."""
        return [variable.numpy() for variable in self._optimizer_variables()]

    def assign_model(self, arrays: Sequence[Array]) -> None:
        """Assigns what ``model_arrays`` returned, to the graph and to the Keras model."""
        pairs = zip(self._graph.weights, self._extracted.weights, arrays, strict=True)
        for variable, weight, array in pairs:
            variable.assign(array)
            weight.assign(array)

    def assign_optimizer(self, arrays: Sequence[Array]) -> None:
        """Assigns what ``optimizer_arrays`` returned."""
        for variable, array in zip(self._optimizer_variables(), arrays, strict=True):
            variable.assign(array)

    def _optimizer_variables(self) -> list[tf.Variable]:
        slots = [slot for slots in self._graph.slots for slot in slots]
        return [self._graph.step_count, self._graph.momentum_product, *slots]

    def _steps_per_call(self, batch_size: int) -> int:
        return max(1, int(CALL_SECONDS / max(self._seconds_per_row * batch_size, 1e-9)))

    def _weighed(self, rows: Tensors) -> Tensors:
        """Features, targets and sample weights: ones if only the other part has any, else none."""
        if len(rows) == 3:
            return rows
        return *rows, _ones(int(rows[0].shape[0]) if self._weighted else 0)

    def _logs(self, loss: float, hits: float, rows: int) -> Logs:
        """Means by name from sums over a number of rows."""
        logs = {"loss": loss / rows, **self._graph.metric_sums.results()}
        return {"accuracy": hits / rows, **logs} if self._accuracy else logs


@lru_cache(maxsize=8)
def _ones(rows: int) -> tf.Tensor:
    return tf.ones([rows])


def _loss(model: keras.Model, outputs: Outputs) -> str | TaskLoss:
    loss = model.loss
    if isinstance(loss, TaskLoss) and not loss.is_of_rows:
        raise Unsupported(f"the loss {loss.name}, which is computed from a whole batch at once")
    if isinstance(loss, TaskLoss) or loss == outputs.loss:
        return loss
    raise Unsupported("a loss of the model's own")


def _check_head(extracted: ExtractedModel, outputs: Outputs) -> None:
    head = extracted.plans[-1]
    expected = ACTIVATIONS.get(outputs.loss)
    if expected is None:
        raise Unsupported(f"the loss {outputs.loss}")
    if head.kind != "dense" or head.option("activation") != expected:
        raise Unsupported(f"a head other than a dense layer with {expected}")
    if extracted.units != outputs.units:
        raise Unsupported(f"a head of {extracted.units} units where the task has {outputs.units}")
