"""Keras metrics beside loss and accuracy, accumulated inside the shared graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from search_spaces.shapes import Outputs
from tuner.training.compiled_metrics import made
from tuner.training.shared_graph.model_reader import Unsupported

# What these mean depends on the task: Keras decides that when it compiles a model.
AMBIGUOUS = ("accuracy", "acc")


class MetricSums:
    """Keras metrics over the rows since the last reset.

    Args:
        names: Of Keras or of the user.
        outputs: Of the model.
        target: Shape of one target, and its dtype's name.
    """

    def __init__(
        self, names: Sequence[str], outputs: Outputs, target: tuple[tuple[int, ...], str]
    ) -> None:
        self._units = outputs.units
        self._metrics = [made(name, outputs) for name in names]
        shape, dtype = target
        # Some create their variables at the first update; a while loop may not create any.
        self.update(tf.zeros([1, *shape], dtype), tf.zeros([1, outputs.units]))

    def update(self, y: tf.Tensor, predictions: tf.Tensor) -> None:
        """Adds rows to the sums.

        Args:
            y: Targets, ``(rows, ...)``.
            predictions: Output of the last activation, float32 ``(rows, units)``.
        """
        predictions = tf.ensure_shape(predictions, [None, self._units])
        for metric in self._metrics:
            metric.update_state(y, predictions)

    def reset(self) -> None:
        """Sets the sums back to no rows."""
        for metric in self._metrics:
            metric.reset_state()

    def results(self) -> dict[str, float]:
        """The metrics by name."""
        return {metric.name: float(np.asarray(metric.result())) for metric in self._metrics}


def check(names: Sequence[str]) -> None:
    """Checks that the shared graph measures these metrics as Keras does.

    Raises:
        Unsupported: The meaning of one of them depends on what Keras compiles.
    """
    for name in names:
        if name in AMBIGUOUS:
            raise Unsupported(f"the metric {name}")
