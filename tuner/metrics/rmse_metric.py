"""The root of the mean square, of each of several targets."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class RootMeans(keras.metrics.Metric):
    """The root of the mean square of each column, and the mean of these.

    Args:
        count: Columns.
    """

    def __init__(self, count: int) -> None:
        super().__init__(name="roots")
        self._squares = self.add_variable((count,), "zeros", name="squares")
        self._rows = self.add_variable((), "zeros", name="rows")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self._squares.assign(self._squares + ops.sum(ops.square(y_true - y_pred), axis=0))
        self._rows.assign(self._rows + ops.cast(ops.shape(y_true)[0], self._rows.dtype))

    def result(self) -> Any:
        return ops.mean(ops.sqrt(ops.divide_no_nan(self._squares, self._rows)))
