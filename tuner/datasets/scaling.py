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

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError
from tuner.datasets.pieces import ROWS, Pieces

Floats = NDArray[np.float32]

# Keras's Normalization layer divides by no less than this (`keras.config.epsilon()`).
SMALLEST_SPREAD = 1e-7


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


def fit(
    rows: Collection[NDArray[Any]] | Pieces, scaling: str, *, same_unit: bool, what: str
) -> Scaler | None:
    """Returns the scaling of the given values, or None where nothing is to be scaled.

    Args:
        rows: Training rows, in pieces ``(some rows, *shape)`` that can be gone through twice.
        scaling: ``standard``, ``minmax`` or ``none``.
        same_unit: Whether all values share one centre and one spread.
        what: What the values are called in a message.

    Raises:
        DataError: Values differ, but by less than ``SMALLEST_SPREAD``.
    """
    if scaling == "none":
        return None
    axis = None if same_unit else 0
    ends = [(piece.min(axis=axis), piece.max(axis=axis)) for piece in _floats(rows)]
    low = np.min([least for least, _ in ends], axis=0)
    high = np.max([most for _, most in ends], axis=0)
    if scaling == "minmax":
        centre, spread = low, high - low
    else:
        centre, spread = _moments(rows, axis)
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


def _moments(rows: Iterable[NDArray[Any]], axis: int | None) -> tuple[Any, Any]:
    """Returns mean and standard deviation in float64, without a float64 copy of all values."""
    sums, count = [], 0
    for values in _floats(rows):
        sums.append(values.sum(axis=axis, dtype=np.float64))
        count += values.size if axis is None else len(values)
    mean = sum(sums) / count
    squares = sum(
        np.square(values[start : start + ROWS] - mean).sum(axis=axis)
        for values in _floats(rows)
        for start in range(0, len(values), ROWS)
    )
    return mean, np.sqrt(squares / count)


def _floats(rows: Iterable[NDArray[Any]]) -> Iterator[Floats]:
    for piece in rows:
        yield np.asarray(piece, dtype=np.float32)


def _check_spread(spread: NDArray[Any], what: str) -> None:
    tiny = np.flatnonzero(np.atleast_1d(spread) < SMALLEST_SPREAD)
    if len(tiny):
        raise DataError(
            f"Expected {what} that differ by {SMALLEST_SPREAD:g} or more. "
            f"Received: a spread of {np.atleast_1d(spread)[tiny[0]]:.3g} "
            f"(column {tiny[0]}, counted from 0): express it in a smaller unit or remove it."
        )
