"""Rows in pieces, so that data need not fit into memory to be prepared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BYTES = 1 << 25  # of one piece as float32, about
ROWS = 4096  # a piece has a multiple of so many

Allocate = Callable[[tuple[int, ...]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Some rows of an array, copied piece by piece.

    Attributes:
        array: ``(rows, *shape)``; may be mapped from a file.
        indices: Which rows, in the order in which they come.
        width: Numbers that a row will become; by default as many as it has.
    """

    array: NDArray[Any]
    indices: NDArray[np.int64]
    width: int | None = None

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yields ``(some rows, *shape)``, of the array's dtype."""
        kind = self.array.dtype if self.array.dtype.names else np.dtype(np.float32)
        row = kind.itemsize * math.prod(self.array.shape[1:])
        if self.width is not None:
            row = np.dtype(np.float32).itemsize * self.width
        step = max(1, BYTES // max(1, row) // ROWS) * ROWS
        for start in range(0, len(self.indices), step):
            yield self.array[self.indices[start : start + step]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all pieces together."""
        return (len(self.indices), *self.array.shape[1:])


def in_memory(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Returns an array that is to be filled."""
    return np.empty(shape, dtype=np.float32)
