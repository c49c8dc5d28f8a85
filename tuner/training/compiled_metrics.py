"""Metrics of a study as Keras compiles them: those of ``tuner.metrics``, and the user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from search_spaces.shapes import Outputs
from search_spaces.user_code.source_files import file_of, short_name
from tuner.metrics import UNWEIGHTED_LOSS, require
from tuner.training import unscaled_targets, user_functions
from tuner.training.losses import shaped
from tuner.training.multi_output_losses import (
    ACCURACIES,
    ACCURACY,
    OutputMetric,
    UnweightedLoss,
    output_of,
)


def metric_of(name: str, outputs: Outputs) -> str | keras.metrics.Metric:
    """A metric as ``compile`` takes it.

    Whatever is measured is given targets in the shape of the answers, as losses are, and both in
    the unit of the targets. An instance of a class of the user's own is given targets in the shape
    that Keras gives it. With several outputs it is of the one whose name it begins with.

    Raises:
        SpaceError: It names no function or class of a file.
        UserError: It is of none of several outputs, or means nothing for the task.
    """
    if outputs.heads is not None and name == UNWEIGHTED_LOSS:
        return UnweightedLoss(outputs)
    if outputs.heads is not None:
        output, metric = output_of(name, outputs)
        return OutputMetric(_of_head(metric, output, outputs), output, outputs, name)
    if file_of(name) is not None:
        return _own(name, outputs)
    if outputs.as_trained:
        return _as_keras(name, outputs)
    return _known(name, outputs)


def made(name: str, outputs: Outputs) -> keras.metrics.Metric:
    """The metric that Keras makes of a name when it compiles a model."""
    metric = metric_of(name, outputs)
    if isinstance(metric, keras.metrics.Metric):
        return metric
    metric = keras.metrics.get(name)
    if not isinstance(metric, keras.metrics.Metric):
        metric = keras.metrics.MeanMetricWrapper(metric)
    metric.name = name
    return metric


def _of_head(name: str, output: str, outputs: Outputs) -> keras.metrics.Metric:
    head = (outputs.heads or {})[output]
    if head.as_trained:
        return made(ACCURACIES.get(head.task, name) if name == ACCURACY else name, head)
    require(name, head.task, head.units, of=output)
    return made(name, head)


class Fitted(keras.metrics.Metric):
    """A metric that is given targets and answers ``(rows, units)`` in the unit of the targets.

    Args:
        metric: What measures.
        bring: Brings scaled values to their unit, see ``tuner.training.unscaled_targets``.
        reshape: Whether targets are brought into the shape of the answers.

    Where rows have places it is given these side by side, ``(places, units)``, without those that
    weigh nothing.
    """

    def __init__(
        self,
        metric: keras.metrics.Metric,
        outputs: Outputs,
        name: str,
        *,
        bring: Callable[[Any, Outputs], Any] = unscaled_targets.own,
        reshape: bool = True,
    ) -> None:
        super().__init__(name=name)
        self._metric, self._outputs, self._bring, self._reshape = metric, outputs, bring, reshape

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if self._reshape:
            y_true = shaped(y_true, y_pred, self._outputs)
        y_true, y_pred = (self._bring(values, self._outputs) for values in (y_true, y_pred))
        if self._outputs.axes and self._reshape:
            y_true, y_pred = counted(y_true, y_pred, sample_weight, self._outputs)
            sample_weight = None
        elif self._outputs.axes and sample_weight is not None:
            sample_weight = tf.cast(_which_count(sample_weight, y_pred), y_pred.dtype)
        self._metric.update_state(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        return self._metric.result()

    def reset_state(self) -> None:
        self._metric.reset_state()


def counted(y_true: Any, y_pred: Any, weights: Any, outputs: Outputs) -> tuple[Any, Any]:
    """Returns targets and answers of the places that weigh something, ``(places, units)``.

    Args:
        y_true: ``(rows, *axes, units)``, as ``y_pred``.
        weights: ``(rows, *axes)``, or with axes of 1; None where all count.
    """
    flat = [tf.reshape(values, [-1, outputs.units]) for values in (y_true, y_pred)]
    if weights is not None:
        counts = tf.reshape(_which_count(weights, y_pred), [-1])
        flat = [tf.boolean_mask(values, counts) for values in flat]
    # Metrics that count classes have to know how many there are.
    return tuple(tf.ensure_shape(values, [None, outputs.units]) for values in flat)


def _which_count(weights: Any, y_pred: Any) -> Any:
    """Which places weigh something, ``(rows, *axes)``."""
    return tf.broadcast_to(weights > 0, tf.shape(y_pred)[:-1])


def _known(name: str, outputs: Outputs) -> keras.metrics.Metric:
    metric = require(name, outputs.task, outputs.units)
    bring = unscaled_targets.spans if metric.of_differences else unscaled_targets.exact
    return Fitted(metric.make(outputs), outputs, name, bring=bring)


def _as_keras(name: str, outputs: Outputs) -> str | keras.metrics.Metric:
    """As in studies of earlier versions, whose trials stay comparable."""
    if outputs.task == "labels" and name in ("accuracy", "acc"):
        # Keras would compare the most probable labels alone.
        return keras.metrics.BinaryAccuracy(name=name)
    return name


def _own(name: str, outputs: Outputs) -> keras.metrics.Metric:
    found = user_functions.load(
        name, "a function (y_true, y_pred) or a subclass of keras.metrics.Metric"
    )
    if isinstance(found, type):
        metric: keras.metrics.Metric = found()
        metric.name = short_name(name)
        if outputs.unit is None and not outputs.axes:
            return metric
        return Fitted(metric, outputs, short_name(name), reshape=False)

    def of_rows(y_true: Any, y_pred: Any) -> Any:
        y_true = unscaled_targets.own(shaped(y_true, y_pred, outputs), outputs)
        return found(y_true, unscaled_targets.own(y_pred, outputs))

    if outputs.axes:
        return _MeanOfPlaces(of_rows, name=short_name(name))
    return keras.metrics.MeanMetricWrapper(of_rows, name=short_name(name))


class _MeanOfPlaces(keras.metrics.Mean):
    """The mean of a function of the user's: of places that count, or of whatever else it gives.

    Args:
        function: Of targets and answers ``(rows, *axes, units)``.
    """

    def __init__(self, function: Callable[[Any, Any], Any], name: str) -> None:
        super().__init__(name=name)
        self._function = function

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        values = self._function(y_true, y_pred)
        counts = None
        if sample_weight is not None and len(values.shape) == len(y_pred.shape) - 1:
            counts = tf.cast(_which_count(sample_weight, y_pred), values.dtype)
        super().update_state(values, counts)
