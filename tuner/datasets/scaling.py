"""Scaling: fitted on the training part only, applied to all parts, saved inside the model.

A scaled value is ``(value - centre) / spread``:

- ``standard``: centre = mean, spread = standard deviation.
- ``minmax``: centre = minimum, spread = maximum - minimum.
- ``none``: values are only converted to float32, those of a regression's targets included.

Columns of a table are scaled each by itself. Values that share a unit get one common centre and
spread: rows with more than one axis (images, sequences), uint8, and data sets that declare it
(``digits``). Otherwise a pixel that is blank in nearly all training rows would be divided by a tiny
spread: one bright test row would become huge, and the contrast of images would be lost.
A column that is constant in the training part becomes 0 there: its spread counts as 1.

Values that float32 cannot hold (float64, and integers of more than 16 bits) are centred and scaled
in float64, and rounded to float32 only then: Unix seconds, or targets of ``1.7e9`` that differ by
tens, would else become one number. The model file does the same. Studies that were made before this
(``DataSpec.exact``) round first, as they always did.

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

from tuner.datasets.chunks import ROWS, Chunks
from tuner.datasets.errors import DataError

Floats = NDArray[np.float32]
Wide = NDArray[np.float32] | NDArray[np.float64]

# Keras's Normalization layer divides by no less than this (`keras.config.epsilon()`).
SMALLEST_SPREAD = 1e-7


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaler:
    """A fitted scaling.

    Attributes:
        centre: ``()`` for all values together or ``(columns,)``; float64, or float32 where values
            are rounded to that before they are centred.
        spread: Of the same shape and type, each above 0.
    """

    centre: Wide
    spread: Wide

    @property
    def dtype(self) -> str:
        """The type of the computation: ``float64`` or ``float32``."""
        return self.centre.dtype.name

    def transform(self, values: NDArray[Any]) -> Floats:
        """Returns scaled values: contiguous float32 of the same shape.

        Args:
            values: ``(rows, *shape)``, of any real dtype.
        """
        scaled = values.astype(self.dtype, order="C")
        scaled -= self.centre
        scaled /= self.spread
        return scaled.astype(np.float32, copy=False)


def fit(
    rows: Collection[NDArray[Any]] | Chunks,
    scaling: str,
    *,
    same_unit: bool,
    what: str,
    exact: bool = True,
    windows: bool = False,
) -> Scaler | None:
    """Returns a scaling fitted to training rows, or None for ``none``.

    Args:
        rows: Training rows in chunks ``(chunk rows, *shape)``; iterated several times.
        scaling: ``standard``, ``minmax`` or ``none``.
        same_unit: Whether all values share one centre and one spread.
        what: Name of the values in error messages.
        exact: As ``DataSpec.exact`` says.
        windows: Whether a row is a window ``(length, columns)``, whose columns have a centre and a
            spread each.

    Raises:
        DataError: Values differ, but by less than ``SMALLEST_SPREAD``.
    """
    if scaling == "none":
        return None
    axis = (0, 1) if windows else None if same_unit else 0
    dtype = precision(next(iter(rows)).dtype, exact=exact)
    extremes = [(piece.min(axis=axis), piece.max(axis=axis)) for piece in _floats(rows, dtype)]
    low = np.min([minimum for minimum, _ in extremes], axis=0)
    high = np.max([maximum for _, maximum in extremes], axis=0)
    if scaling == "minmax":
        centre, spread = low, high - low
    else:
        centre, spread = _moments(rows, axis, dtype)
    # Compared exactly: rounding can make the standard deviation of equal values 1e-9, not 0.
    constant = low == high
    _check_spread(np.where(constant, 1.0, spread), what)
    return Scaler(
        centre=np.asarray(np.where(constant, low, centre), dtype=dtype),
        spread=np.asarray(np.where(constant, 1.0, spread), dtype=dtype),
    )


def precision(kind: np.dtype[Any], *, exact: bool) -> str:
    """Returns the dtype in which values are scaled, ``float64`` or ``float32``.

    Args:
        kind: Dtype of the raw values.
        exact: As ``DataSpec.exact`` says.
    """
    return "float64" if exact and not np.can_cast(kind, np.float32) else "float32"


def shares_unit(x: NDArray[Any]) -> bool:
    """Whether all values of rows ``(rows, *shape)`` share a unit: images, sequences, uint8."""
    return x.ndim > 2 or x.dtype == np.uint8


def _moments(
    rows: Iterable[NDArray[Any]], axis: int | tuple[int, int] | None, dtype: str
) -> tuple[Any, Any]:
    """Returns mean and standard deviation in float64, without a float64 copy of all values."""
    # Two passes, as the sum of squares minus the squared mean cancels where the mean is large.
    sums, count = [], 0
    for values in _floats(rows, dtype):
        sums.append(values.sum(axis=axis, dtype=np.float64))
        count += values.size // np.size(sums[-1])
    mean = sum(sums) / count
    squares = sum(
        np.square(values[start : start + ROWS] - mean).sum(axis=axis)
        for values in _floats(rows, dtype)
        for start in range(0, len(values), ROWS)
    )
    return mean, np.sqrt(squares / count)


def _floats(rows: Iterable[NDArray[Any]], dtype: str) -> Iterator[NDArray[Any]]:
    for piece in rows:
        yield np.asarray(piece, dtype=dtype)


def _check_spread(spread: NDArray[Any], what: str) -> None:
    too_small = np.flatnonzero(np.atleast_1d(spread) < SMALLEST_SPREAD)
    if len(too_small):
        raise DataError(
            f"Expected {what} that differ by {SMALLEST_SPREAD:g} or more. "
            f"Received: a standard deviation or range of {np.atleast_1d(spread)[too_small[0]]:.3g} "
            f"(column {too_small[0]}, counted from 0): use a smaller unit or remove it."
        )
