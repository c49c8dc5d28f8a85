"""The traced program of an architecture, and the few that a process keeps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import tensorflow as tf

from search_spaces.shapes import Outputs
from tuner.training.forgetting import take_apart
from tuner.training.losses import TaskLoss
from tuner.training.program import updates
from tuner.training.program.architecture import LayerPlan, Reading
from tuner.training.program.layers import Parts, activation, logits
from tuner.training.program.losses import LOSSES
from tuner.training.program.measures import Measures
from tuner.training.program.updates import Step, UpdatePlan

KEPT = 8  # programs of a process, 10 MB each; the one that was used longest ago gives way

_kept: OrderedDict[Key, Program] = OrderedDict()


@dataclass(frozen=True, kw_only=True)
class Key:
    """All that a trace depends on: models of an equal key share a program.

    Attributes:
        row: Shape of one row.
        target: Shape of one target, and its dtype's name.
        outputs: Of the model.
        metrics: Names of further metrics.
        weighted: Whether rows count differently.
    """

    plans: tuple[LayerPlan, ...]
    update: UpdatePlan
    loss: str | TaskLoss
    row: tuple[int, ...]
    target: tuple[tuple[int, ...], str]
    outputs: Outputs
    metrics: tuple[str, ...]
    weighted: bool


@dataclass(frozen=True)
class Totals:
    """Sums over rows, to be divided by their number."""

    loss: float
    hits: float


def program(key: Key, reading: Reading) -> Program:
    """The program for a key, traced when it is first used."""
    if key not in _kept:
        _kept[key] = Program(key, [len(weight.shape) for weight in reading.weights], reading)
    _kept.move_to_end(key)
    while len(_kept) > KEPT:
        _kept.popitem(last=False)[1].close()
    return _kept[key]


def kept() -> Mapping[Key, Program]:
    """The programs of this process; the one that was used last comes last."""
    return _kept


class Program:
    """Weights, optimizer and values of one trial at a time, under a trace for all.

    Attributes:
        weights: Of all layers, in the order of the plans.
        slots: For each trained weight, what the optimizer keeps.
        measures: Further metrics, over the rows of the calls since their last reset.
    """

    def __init__(self, key: Key, ranks: Sequence[int], reading: Reading) -> None:
        self._key = key
        dtypes = [tf.as_dtype(weight.dtype) for weight in reading.weights]
        self.weights = [_open(rank, dtype) for rank, dtype in zip(ranks, dtypes, strict=True)]
        self._trained = [self.weights[i] for i in _trained(key.plans)]
        self.slots = [
            [_open(len(weight.shape), weight.dtype) for _ in key.update.slots]
            for weight in self._trained
        ]
        self._layer_knobs, self._knobs = _open(1, tf.float32), _open(1, tf.float32)
        self._sizes = _open(1, tf.int32)
        self.measures = Measures(key.metrics, key.outputs, key.target)
        self.count = tf.Variable(0.0, trainable=False)
        self.product = tf.Variable(1.0, trainable=False)  # Nadam's
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
        """Lets go of its graphs at once."""
        take_apart(self.steps)
        take_apart(self.score)
        del self.steps, self.score

    def begin(self, reading: Reading, knobs: Sequence[float]) -> None:
        """Takes the weights and values of a trial; the optimizer begins anew."""
        for weight, own in zip(reading.weights, self.weights, strict=True):
            own.assign(weight.value)
        for weight, slots in zip(self._trained, self.slots, strict=True):
            for slot, start in zip(slots, self._key.update.slots, strict=True):
                slot.assign(tf.fill(tf.shape(weight), tf.constant(start, weight.dtype)))
        self._layer_knobs.assign(np.asarray(reading.knobs, np.float32))
        self._knobs.assign(np.asarray(knobs, np.float32))
        self._sizes.assign(np.asarray(reading.sizes, np.int32))
        self.count.assign(0.0)
        self.product.assign(1.0)

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
        """Trains steps ``start`` to ``stop``; returns the totals of loss and hits.

        The totals of the calls before are handed in: sums of sums would round otherwise.
        """
        parts, knobs = self._parts(), self._update_knobs()

        def body(step: tf.Tensor, loss: tf.Tensor, hits: tf.Tensor) -> list[tf.Tensor]:
            rows = order[step * batch : (step + 1) * batch]  # the last batch may be smaller
            weighing = tf.gather(weights, rows) if self._key.weighted else None
            batch_loss, batch_hits = self._step(
                parts, knobs, tf.gather(x, rows), tf.gather(y, rows), weighing, rates[step]
            )
            weight = tf.cast(tf.shape(rows)[0], tf.float32)
            return [step + 1, loss + batch_loss * weight, hits + batch_hits]

        totals = tf.while_loop(lambda step, loss, hits: step < stop, body, [start, loss, hits])
        return totals[1], totals[2]

    def _step(
        self,
        parts: Sequence[Parts],
        knobs: dict[str, tf.Tensor],
        x: tf.Tensor,
        y: tf.Tensor,
        weights: tf.Tensor | None,
        rate: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._trained)
            output, penalty = logits(self._key.plans, parts, x, training=True)
            losses, hits = self._losses(output, y)
            loss = _mean(losses, weights) + penalty
        gradients = tape.gradient(loss, self._trained)
        count = self.count.assign_add(1.0, read_value=True)
        if self._key.update.kind == "nadam":
            self.product.assign(updates.nadam_product(self.product, count, knobs["beta_1"]))
        step = Step(rate=rate, count=count, knobs=knobs, scratch={"u_product": self.product})
        gradients = updates.clip(self._key.update, step, gradients)
        for weight, gradient, slots in zip(self._trained, gradients, self.slots, strict=True):
            updates.apply(self._key.update, step, weight, gradient, slots)
        self._measure(y, output)
        return loss, tf.reduce_sum(hits)

    def _score(
        self, x: tf.Tensor, y: tf.Tensor, weights: tf.Tensor, start: tf.Tensor, stop: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Measures the model on rows ``start`` to ``stop``; returns the totals of loss and hits."""
        y = y[start:stop]
        output, penalty = logits(self._key.plans, self._parts(), x[start:stop], training=False)
        losses, hits = self._losses(output, y)
        self._measure(y, output)
        weight = tf.cast(stop - start, tf.float32)
        weighing = weights[start:stop] if self._key.weighted else None
        return (_mean(losses, weighing) + penalty) * weight, tf.reduce_sum(hits)

    def _losses(self, output: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss of every row, and whether it is right."""
        loss = self._key.loss
        if isinstance(loss, str):
            return LOSSES[loss](output, y)
        _, hits = LOSSES[loss.outputs.loss](output, y)
        return loss.call(y, activation(self._key.plans[-1], output)), hits

    def _measure(self, y: tf.Tensor, output: tf.Tensor) -> None:
        if self._key.metrics:
            self.measures.update(y, activation(self._key.plans[-1], output))

    def _parts(self) -> list[Parts]:
        """What belongs to each layer, cut from the program's variables."""
        knobs = iter(_scalars(self._layer_knobs, sum(plan.knobs for plan in self._key.plans)))
        sizes = iter(_scalars(self._sizes, sum(plan.sizes for plan in self._key.plans)))
        weights = iter(self.weights)
        return [
            Parts(
                weights=list(islice(weights, plan.weights)),
                knobs=list(islice(knobs, plan.knobs)),
                sizes=list(islice(sizes, plan.sizes)),
            )
            for plan in self._key.plans
        ]

    def _update_knobs(self) -> dict[str, tf.Tensor]:
        names = self._key.update.knobs
        return dict(zip(names, _scalars(self._knobs, len(names)), strict=True))


def _mean(losses: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    """Over the rows, however much they count: weights do not change what it is divided by."""
    return tf.reduce_mean(losses if weights is None else losses * weights)


def _trained(plans: Sequence[LayerPlan]) -> Iterator[int]:
    """Positions of the trained weights among all."""
    first = 0
    for plan in plans:
        yield from range(first, first + plan.trainable)
        first += plan.weights


def _scalars(vector: tf.Variable, count: int) -> list[tf.Tensor]:
    return tf.unstack(vector.read_value(), num=count) if count else []


def _open(rank: int, dtype: tf.DType) -> tf.Variable:
    """A variable that takes values of any shape of a rank."""
    return tf.Variable(
        tf.zeros([0] * rank, dtype), shape=tf.TensorShape([None] * rank), trainable=False
    )
