"""Rows as Keras's own ``fit`` and ``evaluate`` take them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuner.datasets.prepared_data import Part
from tuner.training.row_tensors import fits_on_device


def fed(part: Part, batch_size: int, order: NDArray[np.int32] | None = None) -> dict[str, Any]:
    """Returns a part as arguments of ``fit`` and ``evaluate``.

    Keras makes one constant of an array, so that rows which do not fit come batch by batch.

    Args:
        batch_size: Rows of a batch; the last one may have fewer.
        order: Positions of the rows, int32 ``(rows,)``; None for all as they are.
    """
    if not fits_on_device(part):
        return {"x": RowBatches(part, batch_size, order)}
    rows = {name: a if order is None else a[order] for name, a in part.arrays.items()}
    return {
        "x": rows["x"],
        "y": rows["y"],
        "sample_weight": rows.get("weights"),
        "batch_size": batch_size,
    }


class RowBatches(keras.utils.PyDataset):
    """Batches of a part in the memory of the machine. See ``fed``."""

    def __init__(self, part: Part, batch_size: int, order: NDArray[np.int32] | None) -> None:
        super().__init__()
        self._arrays, self._size = tuple(part.arrays.values()), batch_size
        self._order = np.arange(len(part), dtype=np.int32) if order is None else order

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self._order) // self._size)

    def __getitem__(self, number: int) -> tuple[NDArray[Any], ...]:
        """Returns a batch: features, targets and, where there are any, weights."""
        rows = self._order[number * self._size : (number + 1) * self._size]
        return tuple(array[rows] for array in self._arrays)
