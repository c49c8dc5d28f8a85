"""Rows in chunks, so that data larger than memory can be prepared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BYTES = 1 << 25  # of one chunk as float32, about
# Rows of a chunk are a multiple of this, the block in which ``scaling`` squares float64 copies,
# unless fewer fill a chunk.
ROWS = 4096

Allocate = Callable[[tuple[int, ...]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Chunks:
    """Some rows of an array, copied chunk by chunk.

    Attributes:
        array: ``(rows, *shape)``; may be memory-mapped.
        indices: Rows to take, in this order, int64 ``(rows taken,)``.
        width: Values of a row after encoding, which bounds the chunk size; by default as many as
            before.
    """

    array: NDArray[Any]
    indices: NDArray[np.int64]
    width: int | None = None

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yields arrays ``(chunk rows, *shape)`` of the array's dtype."""
        kind = self.array.dtype if self.array.dtype.names else np.dtype(np.float32)
        row = kind.itemsize * math.prod(self.array.shape[1:])
        if self.width is not None:
            row = np.dtype(np.float32).itemsize * self.width
        fitting = max(1, BYTES // max(1, row))
        step = fitting // ROWS * ROWS or fitting
        for start in range(0, len(self.indices), step):
            yield self.array[self.indices[start : start + step]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all chunks together."""
        return (len(self.indices), *self.array.shape[1:])


def join(
    pieces: Iterable[NDArray[Any]], shape: tuple[int, ...], allocate: Allocate
) -> NDArray[np.float32]:
    """Returns pieces of rows one after another, float32 of the shape that they have together."""
    joined, start = allocate(shape), 0
    for piece in pieces:
        joined[start : start + len(piece)] = piece
        start += len(piece)
    return joined


def in_memory(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Returns an uninitialised float32 array.

    Args:
        shape: Of the array.
    """
    return np.empty(shape, dtype=np.float32)
