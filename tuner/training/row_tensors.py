"""Rows as tensors: one copy of each part a process, and none where they are mapped from a file."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuner.datasets.prepared_data import Part

ALIGNED = 64  # bytes; TensorFlow copies memory that is not


@lru_cache(maxsize=4)  # all trials of a worker share their data
def tensors(part: Part) -> tuple[tf.Tensor, ...]:
    """Returns features, targets and, where there are any, weights."""
    return tuple(_tensor(array) for array in part.arrays.values())


def _tensor(array: NDArray[Any]) -> tf.Tensor:
    """Returns a tensor over mapped memory itself; of everything else, or for a GPU, a copy."""
    mapped = isinstance(array, np.memmap) and array.flags.c_contiguous and array.flags.writeable
    if not mapped or array.ctypes.data % ALIGNED or tf.config.list_physical_devices("GPU"):
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
