"""Rows as tensors of graph calls: each part as a whole, or what a call needs where it is too large.

On a CPU a process has one copy of each part, and none where it is mapped from a file. A GPU has a
copy of its own of the parts that fit into its memory with room. Others stay in the memory of the
machine, and each graph call is given its rows.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuner.datasets.prepared_data import Part
from tuner.resources.gpu_memory import free_gpu_memory
from tuner.resources.tensorflow_device import has_gpu

ALIGNED = 64  # bytes; TensorFlow copies memory that is not
SMALL = 1 << 26  # bytes that each GPU has room for, and that a graph call is given at once
SHARE = 1 / 8  # of the GPU's free memory; models, other parts and other workers take the rest
PARTS = 4  # all trials of a worker share their data

Tensors = tuple[tf.Tensor, ...]

logger = logging.getLogger(__name__)


class RowsOnDevice:
    """A part that is whole in the memory of the device that trains.

    Attributes:
        most_rows: That one graph call can be given; None for any number.
    """

    most_rows: int | None = None

    def __init__(self, part: Part) -> None:
        self._tensors = tensors(part)

    def at(self, order: NDArray[np.int32]) -> tuple[Tensors, tf.Tensor]:
        """Returns tensors that have the rows of a graph call, and where these stand in them.

        Args:
            order: Positions of the rows in the part, int32 ``(rows,)``.

        Returns:
            Features, targets and, where there are any, weights; int32 ``(rows,)``.
        """
        return self._tensors, tf.constant(order)

    def between(self, start: int, stop: int) -> tuple[Tensors, int, int]:
        """Returns tensors that have the rows from ``start`` to ``stop`` (exclusive), and where."""
        return self._tensors, start, stop


class RowsOnHost:
    """A part that stays in the memory of the machine. See ``RowsOnDevice``."""

    def __init__(self, part: Part) -> None:
        self._arrays = tuple(part.arrays.values())
        self.most_rows: int | None = max(1, SMALL * len(part) // size_of(part))

    def at(self, order: NDArray[np.int32]) -> tuple[Tensors, tf.Tensor]:
        """See ``RowsOnDevice.at``."""
        rows = tuple(tf.constant(array[order]) for array in self._arrays)
        return rows, tf.range(len(order))

    def between(self, start: int, stop: int) -> tuple[Tensors, int, int]:
        """See ``RowsOnDevice.between``."""
        return tuple(tf.constant(array[start:stop]) for array in self._arrays), 0, stop - start


def rows_of(part: Part) -> RowsOnDevice | RowsOnHost:
    """Returns the rows of a part where they are best kept."""
    return RowsOnDevice(part) if fits_on_device(part) else RowsOnHost(part)


def steps_at_once(rows: RowsOnDevice | RowsOnHost, batch_size: int, steps: int) -> int:
    """How many steps a graph call makes: so many, or as many as it can be given rows for."""
    most = steps if rows.most_rows is None else rows.most_rows // batch_size
    return max(1, min(steps, most))


@lru_cache(maxsize=PARTS)  # decided once: what is there then takes memory
def fits_on_device(part: Part) -> bool:
    """Whether the device that trains can hold all rows of a part, with room for all else."""
    size = size_of(part)
    if size <= SMALL or not has_gpu():
        return True
    free = free_gpu_memory()
    if free is not None and size <= SHARE * free:
        return True
    room = "of unknown memory" if free is None else f"with {free / 1e9:,.1f} GB free"
    logger.warning("%.1f GB of rows stay in memory: the GPU is one %s", size / 1e9, room)
    return False


def size_of(part: Part) -> int:
    """Bytes of a part."""
    return sum(array.nbytes for array in part.arrays.values())


@lru_cache(maxsize=PARTS)
def tensors(part: Part) -> Tensors:
    """Returns features, targets and, where there are any, weights, all of a part."""
    return tuple(_tensor(array) for array in part.arrays.values())


def _tensor(array: NDArray[Any]) -> tf.Tensor:
    """Returns a tensor over mapped memory itself; of everything else, or for a GPU, a copy."""
    mapped = isinstance(array, np.memmap) and array.flags.c_contiguous and array.flags.writeable
    if not mapped or array.ctypes.data % ALIGNED or has_gpu():
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
