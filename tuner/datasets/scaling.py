"""Scaling: fitted on the training part alone, applied to every part, shipped inside the model.

A scaling is ``(value - centre) / spread`` in float32:

- ``standard``: centre = mean, spread = standard deviation.
- ``minmax``: centre = minimum, spread = maximum - minimum.
- ``none``: values are only converted to float32, those of a regression's targets included.

Columns of a table are scaled each on its own. Values that share one unit get one centre and one
spread for all: rows with more than one axis (images, sequences), bytes (uint8) and sets that say
so (the digits). A pixel that is blank in nearly all training rows would otherwise be divided by a
tiny spread, and one bright test row would blow it up; the picture's contrasts would be lost, too.
A column that is constant in the training part becomes 0 there: its spread counts as 1.

Values are converted to float32 before anything is computed, because this is what the model file
gets to see: training and deployed model then agree to the last digits.

The targets of a regression are standardised as well, unless the scaling is ``none``. Measured on
the diabetes set (targets of 150 +- 77): without it SGD diverges from a learning rate of 0.01 on,
and Adam at 0.001 needs many times the epochs. Hence the loss of a regression is in standard
deviations of the training targets (``Data.target_unit``); the model file answers in the targets'
own unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError

Floats = NDArray[np.float32]

# Keras's Normalization layer divides by no less than this (`keras.config.epsilon()`).
SMALLEST_SPREAD = 1e-7

_ROWS_AT_ONCE = 4096  # rows whose deviations are held in float64 at the same time


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaler:
    """A fitted scaling.

    Attributes:
        centre: float32, ``()`` for all values together or ``(columns,)``.
        spread: float32, of the same shape, each above 0.
    """

    centre: Floats
    spread: Floats

    def transform(self, values: NDArray[Any]) -> Floats:
        """Returns scaled float32 values of the same shape, contiguous."""
        scaled = values.astype(np.float32, order="C")
        scaled -= self.centre
        scaled /= self.spread
        return scaled


def fit(values: NDArray[Any], scaling: str, *, same_unit: bool, what: str) -> Scaler | None:
    """Returns the scaling of the given values, or None where nothing is to be scaled.

    Args:
        values: Training rows ``(rows, *shape)``.
        scaling: ``standard``, ``minmax`` or ``none``.
        same_unit: Whether all values share one centre and one spread.
        what: What the values are called in a message.

    Raises:
        DataError: Values differ, but by less than ``SMALLEST_SPREAD``.
    """
    if scaling == "none":
        return None
    values = np.asarray(values, dtype=np.float32)
    axis = None if same_unit else 0
    low, high = values.min(axis=axis), values.max(axis=axis)
    if scaling == "minmax":
        centre, spread = low, high - low
    else:
        centre, spread = _moments(values, axis)
    # Exact, where a standard deviation of equal values may come out as 1e-9.
    constant = low == high
    _check_spread(np.where(constant, 1.0, spread), what)
    return Scaler(
        centre=np.asarray(np.where(constant, low, centre), dtype=np.float32),
        spread=np.asarray(np.where(constant, 1.0, spread), dtype=np.float32),
    )


def shares_unit(x: NDArray[Any]) -> bool:
    """Whether rows are such that one scaling for all their values is right: images, bytes."""
    return x.ndim > 2 or x.dtype == np.uint8


def _moments(values: Floats, axis: int | None) -> tuple[Any, Any]:
    """Returns mean and standard deviation in float64, without a float64 copy of all values."""
    mean = values.mean(axis=axis, dtype=np.float64)
    squares = sum(
        np.square(values[start : start + _ROWS_AT_ONCE] - mean).sum(axis=axis)
        for start in range(0, len(values), _ROWS_AT_ONCE)
    )
    count = values.size if axis is None else len(values)
    return mean, np.sqrt(squares / count)


def _check_spread(spread: NDArray[Any], what: str) -> None:
    tiny = np.flatnonzero(np.atleast_1d(spread) < SMALLEST_SPREAD)
    if len(tiny):
        raise DataError(
            f"Expected {what} that differ by {SMALLEST_SPREAD:g} or more. "
            f"Received: a spread of {np.atleast_1d(spread)[tiny[0]]:.3g} "
            f"(column {tiny[0]}, counted from 0): express it in a smaller unit or remove it."
        )
