"""Further metrics of Keras, summed up inside a program."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from search_spaces.shapes import Outputs
from tuner.training.measuring import made
from tuner.training.program.architecture import Unsupported

# What these mean depends on the task: Keras decides that when it compiles a model.
AMBIGUOUS = ("accuracy", "acc")


class Measures:
    """Metrics by name, over the rows since the last reset.

    Args:
        outputs: Of the model.
        target: Shape of one target, and its dtype's name.
    """

    def __init__(
        self, names: Sequence[str], outputs: Outputs, target: tuple[tuple[int, ...], str]
    ) -> None:
        self._units = outputs.units
        self._metrics = [made(name, outputs) for name in names]
        shape, dtype = target
        # Some make their variables when they first see a row: none may be made inside a loop.
        self.update(tf.zeros([1, *shape], dtype), tf.zeros([1, outputs.units]))

    def update(self, y: tf.Tensor, predictions: tf.Tensor) -> None:
        """Takes rows into account.

        Args:
            y: Targets, ``(rows, ...)``.
            predictions: What the model's last activation gives, ``(rows, units)``.
        """
        predictions = tf.ensure_shape(predictions, [None, self._units])
        for metric in self._metrics:
            metric.update_state(y, predictions)

    def reset(self) -> None:
        """Forgets all rows."""
        for metric in self._metrics:
            metric.reset_state()

    def results(self) -> dict[str, float]:
        """The metrics by name."""
        return {metric.name: float(np.asarray(metric.result())) for metric in self._metrics}


def check(names: Sequence[str]) -> None:
    """Checks that these are measured in a program as Keras measures them.

    Raises:
        Unsupported: One of them is not.
    """
    for name in names:
        if name in AMBIGUOUS:
            raise Unsupported(f"the metric {name}")
