"""Windows of consecutive rows, and what comes after each: which there are, and their values.

A window ends at a row. Its own rows and those that it predicts lie in one part and in one unbroken
stretch. Which rows are predicted is decided by the longest window that is tried, so that windows of
every length predict the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tuner.datasets.split.random_split import Indices


def find_ends(
    *pieces: NDArray[np.int64], usable: NDArray[np.bool_], longest: int, horizon: int
) -> Indices:
    """Returns the last row of each window, ascending.

    Args:
        pieces: For each row where it belongs, such as its part and its stretch: a window with what
            it predicts lies where none of them changes, ``(rows,)`` each.
        usable: Whether all values of a row are there, ``(rows,)``.
        longest: Rows of the longest window.
        horizon: Rows that are predicted.
    """
    position, rows = np.arange(len(usable)), len(usable)
    starts = np.zeros(rows, bool)
    starts[:1] = True
    for piece in (*pieces, usable):
        starts[1:] |= piece[1:] != piece[:-1]
    ends = np.append(starts[1:], True)[:rows]
    first = np.maximum.accumulate(np.where(starts, position, 0))
    last = np.minimum.accumulate(np.where(ends, position, rows)[::-1])[::-1]
    fits = (position - longest + 1 >= first) & (position + horizon <= last)
    return np.flatnonzero(fits & usable)


def cut(values: NDArray[Any], ends: Indices, length: int) -> NDArray[Any]:
    """Returns the rows of each window ``(windows, length, columns)``, the oldest first.

    Args:
        values: ``(rows, columns)``.
        ends: The last row of each window.
    """
    views = sliding_window_view(values, length, axis=0)[ends - length + 1]
    return np.ascontiguousarray(views.transpose(0, 2, 1))


def ahead(target: NDArray[Any], ends: Indices, horizon: int) -> NDArray[Any]:
    """Returns the values after each window ``(windows, horizon)``; of a single one ``(windows,)``.

    Args:
        target: ``(rows,)``.
        ends: The last row of each window.
    """
    values = target[ends[:, None] + 1 + np.arange(horizon)]
    return values[:, 0] if horizon == 1 else values


def steps(name: str, horizon: int) -> Sequence[str] | None:
    """Returns the names of several predicted rows, ``co2+1``, ``co2+2``; None of a single one."""
    return None if horizon == 1 else [f"{name}+{step}" for step in range(1, horizon + 1)]
