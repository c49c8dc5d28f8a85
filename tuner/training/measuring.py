"""The metrics that a study may name: Keras's, and the user's own in a file."""

from __future__ import annotations

from typing import Any

import keras

from search_spaces.shapes import Outputs
from search_spaces.sources import file_of, short
from tuner.training import own
from tuner.training.heads import ACCURACIES, ACCURACY, OfOutput, output_of
from tuner.training.losses import shaped


def metric_of(name: str, outputs: Outputs) -> str | keras.metrics.Metric:
    """A metric as ``compile`` takes it.

    A function of the user's own is given targets in the shape of the answers, as losses are; an
    instance of a class is given what Keras gives it. With several outputs it is of the one whose
    name it begins with.

    Raises:
        SpaceError: It names no function or class of a file.
        UserError: It is of none of several outputs.
    """
    if outputs.heads is not None:
        return _of_output(name, outputs)
    if file_of(name) is not None:
        return _own(name, outputs)
    if outputs.task == "labels" and name in ("accuracy", "acc"):
        # Keras would compare the most probable labels alone.
        return keras.metrics.BinaryAccuracy(name=name)
    return name


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


def _of_output(name: str, outputs: Outputs) -> keras.metrics.Metric:
    output, metric = output_of(name, outputs)
    head = (outputs.heads or {})[output]
    if metric == ACCURACY:
        metric = ACCURACIES.get(head.task, metric)
    return OfOutput(made(metric, head), output, outputs, name)


def _own(name: str, outputs: Outputs) -> keras.metrics.Metric:
    found = own.load(name, "a function (y_true, y_pred) or a subclass of keras.metrics.Metric")
    if isinstance(found, type):
        metric: keras.metrics.Metric = found()
        metric.name = short(name)
        return metric

    def of_rows(y_true: Any, y_pred: Any) -> Any:
        return found(shaped(y_true, y_pred, outputs), y_pred)

    return keras.metrics.MeanMetricWrapper(of_rows, name=short(name))
