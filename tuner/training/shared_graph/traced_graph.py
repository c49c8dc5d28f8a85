"""The traced graph of an architecture, and the cache of them in a process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import tensorflow as tf

from search_spaces.shapes import Outputs
from tuner.training import optimizers
from tuner.training.graph_cleanup import take_apart
from tuner.training.losses import TaskLoss
from tuner.training.optimizers.clipping import CLIPPINGS
from tuner.training.optimizers.optimizer import UpdatePlan, UpdateStep
from tuner.training.shared_graph.layer_formulas import LayerState, activation, logits
from tuner.training.shared_graph.loss_formulas import LOSSES
from tuner.training.shared_graph.metric_formulas import MetricSums
from tuner.training.shared_graph.model_reader import ExtractedModel, LayerPlan

CACHED_GRAPHS = 8  # in a process, 10 MB each; the least recently used one is evicted

_cache: OrderedDict[GraphKey, SharedGraph] = OrderedDict()


@dataclass(frozen=True, kw_only=True)
class GraphKey:
    """All that a trace depends on: models with equal keys share a graph.

    Attributes:
        plans: Of the layers, in order.
        update: Plan of the optimizer.
        loss: Name in ``loss_formulas``, or a loss that is called on predictions,
            with whatever values its arguments have.
        loss_values: Names of those.
        row: Shape of one row.
        target: Shape of one target, and its dtype's name.
        outputs: Of the model.
        metrics: Names of metrics beside loss and accuracy.
        weighted: Whether rows have sample weights.
    """

    plans: tuple[LayerPlan, ...]
    update: UpdatePlan
    loss: str | TaskLoss
    loss_values: tuple[str, ...] = ()
    row: tuple[int, ...]
    target: tuple[tuple[int, ...], str]
    outputs: Outputs
    metrics: tuple[str, ...]
    weighted: bool


def shared_graph(key: GraphKey, extracted: ExtractedModel) -> SharedGraph:
    """The cached graph of a key, or a new one, which is traced by its first call.

    Args:
        key: Of the model, optimizer and data.
        extracted: Any model of that key: ranks and dtypes of its weights are those of all.
    """
    if key not in _cache:
        _cache[key] = SharedGraph(key, extracted)
    _cache.move_to_end(key)
    while len(_cache) > CACHED_GRAPHS:
        _cache.popitem(last=False)[1].close()
    return _cache[key]


def cached_graphs() -> Mapping[GraphKey, SharedGraph]:
    """The graphs of this process, the most recently used one last."""
    return _cache


class SharedGraph:
    """Variables of one trial at a time, and the traced functions that all trials share.

    Args:
        key: What the trace depends on.
        extracted: A model of that key.

    Attributes:
        weights: Variables of all layers, in the order of the plans.
        slots: The optimizer's variables of each trainable weight, such as Adam's moments.
        metric_sums: Metrics over the rows since their last reset.
        step_count: Optimizer steps of this trial, float32.
        momentum_product: See ``UpdateStep.product``, float32.
        steps: Traced ``_steps``.
        score: Traced ``_score``.
    """

    def __init__(self, key: GraphKey, extracted: ExtractedModel) -> None:
        self._key = key
        self.weights = [
            _variable(len(weight.shape), tf.as_dtype(weight.dtype)) for weight in extracted.weights
        ]
        self._trainable = [self.weights[i] for i in _trainable_positions(key.plans)]
        self.slots = [
            [_variable(len(weight.shape), weight.dtype) for _ in key.update.slots]
            for weight in self._trainable
        ]
        self._layer_scalars = _variable(1, tf.float32)
        self._optimizer_scalars = _variable(1, tf.float32)
        self._loss_values = _variable(1, tf.float32)
        self._sizes = _variable(1, tf.int32)
        self.metric_sums = MetricSums(key.metrics, key.outputs, key.target)
        self.step_count = tf.Variable(0.0, trainable=False)
        self.momentum_product = tf.Variable(1.0, trainable=False)
        rows = tf.TensorSpec([None, *key.row], tf.float32)
        targets = tf.TensorSpec([None, *key.target[0]], tf.as_dtype(key.target[1]))
        weights = tf.TensorSpec([None], tf.float32)
        number, total = tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32)
        self.steps = tf.function(
            self._steps,
            autograph=False,
            input_signature=[
                rows,
                targets,
                weights,
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.float32),
                number,
                number,
                number,
                total,
                total,
            ],
        )
        self.score = tf.function(
            self._score, autograph=False, input_signature=[rows, targets, weights, number, number]
        )

    def close(self) -> None:
        """Frees its graphs at once, without waiting for garbage collection."""
        take_apart(self.steps)
        take_apart(self.score)
        del self.steps, self.score

    def begin(
        self,
        extracted: ExtractedModel,
        scalars: Sequence[float],
        loss_values: Sequence[float] = (),
    ) -> None:
        """Assigns a trial's weights and values, and resets the optimizer.

        Args:
            extracted: The trial's model, of this graph's key.
            scalars: Of the optimizer, in the order of ``key.update.scalars``.
            loss_values: Of the loss, in the order of ``key.loss_values``.
        """
        for weight, variable in zip(extracted.weights, self.weights, strict=True):
            variable.assign(weight.value)
        for weight, slots in zip(self._trainable, self.slots, strict=True):
            for slot, start in zip(slots, self._key.update.slots, strict=True):
                slot.assign(tf.fill(tf.shape(weight), tf.constant(start, weight.dtype)))
        self._layer_scalars.assign(np.asarray(extracted.scalars, np.float32))
        self._optimizer_scalars.assign(np.asarray(scalars, np.float32))
        self._loss_values.assign(np.asarray(loss_values, np.float32))
        self._sizes.assign(np.asarray(extracted.sizes, np.int32))
        self.step_count.assign(0.0)
        self.momentum_product.assign(1.0)

    def _steps(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        weights: tf.Tensor,
        order: tf.Tensor,
        rates: tf.Tensor,
        batch: tf.Tensor,
        start: tf.Tensor,
        stop: tf.Tensor,
        loss: tf.Tensor,
        hits: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Trains steps ``start`` to ``stop`` (exclusive), all in one graph call.

        Args:
            x: All training rows, float32 ``(rows, *row)``; ``y`` and ``weights`` are as long.
            order: Positions of the rows in this epoch, int32 ``(rows,)``.
            rates: Learning rate of each step, float32 ``(steps,)``.
            batch: Batch size.
            loss: Sum over the rows of earlier calls, continued: in float32 a sum of partial sums
                differs from it, and with it the loss depended on how an epoch is cut into calls.
            hits: Correct rows of earlier calls, continued likewise.

        Returns:
            The new ``loss`` and ``hits``, float32 scalars.
        """
        # Read before the loop: a trial's values do not change during an epoch.
        states, scalars = self._layer_states(), self._scalars_by_name()

        def body(step: tf.Tensor, loss: tf.Tensor, hits: tf.Tensor) -> list[tf.Tensor]:
            rows = order[step * batch : (step + 1) * batch]  # the last batch may be smaller
            sample_weights = tf.gather(weights, rows) if self._key.weighted else None
            batch_loss, batch_hits = self._step(
                states, scalars, tf.gather(x, rows), tf.gather(y, rows), sample_weights, rates[step]
            )
            weight = tf.cast(tf.shape(rows)[0], tf.float32)
            return [step + 1, loss + batch_loss * weight, hits + batch_hits]

        totals = tf.while_loop(lambda step, loss, hits: step < stop, body, [start, loss, hits])
        return totals[1], totals[2]

    def _step(
        self,
        states: Sequence[LayerState],
        scalars: dict[str, tf.Tensor],
        x: tf.Tensor,
        y: tf.Tensor,
        weights: tf.Tensor | None,
        rate: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        # Watching the trainable weights alone keeps moving averages and seeds out of the gradient.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._trainable)
            outputs, penalty = logits(self._key.plans, states, x, training=True)
            losses, hits = self._losses(outputs, y)
            loss = _mean(losses, weights) + penalty
        gradients = tape.gradient(loss, self._trainable)
        count = self.step_count.assign_add(1.0, read_value=True)
        step = UpdateStep(
            rate=rate,
            count=count,
            scalars=scalars,
            flags=self._key.update.flags,
            product=self.momentum_product,
        )
        self._update_weights(step, gradients)
        self._update_metrics(y, outputs)
        return loss, tf.reduce_sum(hits)

    def _update_weights(self, step: UpdateStep, gradients: Sequence[tf.Tensor]) -> None:
        plan = self._key.update
        optimizer = optimizers.load(plan.name)
        if optimizer.multiply is not None:
            self.momentum_product.assign(optimizer.multiply(step))
        for argument, clip in CLIPPINGS.values():
            if argument in plan.flags:
                gradients = clip(gradients, step["clip_at"])
        for weight, gradient, slots in zip(self._trainable, gradients, self.slots, strict=True):
            optimizer.update(step, weight, gradient, slots)

    def _score(
        self, x: tf.Tensor, y: tf.Tensor, weights: tf.Tensor, start: tf.Tensor, stop: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sums of loss and hits over rows ``start`` to ``stop`` (exclusive), without training."""
        y = y[start:stop]
        outputs, penalty = logits(
            self._key.plans, self._layer_states(), x[start:stop], training=False
        )
        losses, hits = self._losses(outputs, y)
        self._update_metrics(y, outputs)
        weight = tf.cast(stop - start, tf.float32)
        sample_weights = weights[start:stop] if self._key.weighted else None
        return (_mean(losses, sample_weights) + penalty) * weight, tf.reduce_sum(hits)

    def _losses(self, outputs: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Loss and accuracy of every row: see ``loss_formulas.LOSSES``."""
        loss = self._key.loss
        if isinstance(loss, str):
            return LOSSES[loss](outputs, y)
        _, hits = LOSSES[loss.outputs.loss](outputs, y)
        names = self._key.loss_values
        values = dict(zip(names, _unstack(self._loss_values, len(names)), strict=True))
        return loss.compute(y, activation(self._key.plans[-1], outputs), values), hits

    def _update_metrics(self, y: tf.Tensor, outputs: tf.Tensor) -> None:
        if self._key.metrics:
            self.metric_sums.update(y, activation(self._key.plans[-1], outputs))

    def _layer_states(self) -> list[LayerState]:
        """Splits the graph's flat lists of variables and values into those of each layer."""
        scalars = iter(_unstack(self._layer_scalars, sum(plan.scalars for plan in self._key.plans)))
        sizes = iter(_unstack(self._sizes, sum(plan.sizes for plan in self._key.plans)))
        weights = iter(self.weights)
        return [
            LayerState(
                weights=list(islice(weights, plan.weights)),
                scalars=list(islice(scalars, plan.scalars)),
                sizes=list(islice(sizes, plan.sizes)),
            )
            for plan in self._key.plans
        ]

    def _scalars_by_name(self) -> dict[str, tf.Tensor]:
        names = self._key.update.scalars
        return dict(zip(names, _unstack(self._optimizer_scalars, len(names)), strict=True))


def _mean(losses: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    """Mean over the rows. As in Keras the divisor is their number, not the sum of their weights."""
    return tf.reduce_mean(losses if weights is None else losses * weights)


def _trainable_positions(plans: Sequence[LayerPlan]) -> Iterator[int]:
    """Positions of the trainable weights among all weights."""
    first = 0
    for plan in plans:
        yield from range(first, first + plan.trainable)
        first += plan.weights


def _unstack(vector: tf.Variable, count: int) -> list[tf.Tensor]:
    return tf.unstack(vector.read_value(), num=count) if count else []


def _variable(rank: int, dtype: tf.DType) -> tf.Variable:
    """A variable to which values of any shape of this rank can be assigned."""
    return tf.Variable(
        tf.zeros([0] * rank, dtype), shape=tf.TensorShape([None] * rank), trainable=False
    )
