"""Rows with a field for each of several inputs or outputs: structured arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def join_arrays(arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Returns arrays of one length, each ``(rows, ...)``, as rows ``(rows,)`` by name."""
    kinds = [(name, array.dtype, array.shape[1:]) for name, array in arrays.items()]
    rows = np.empty(len(next(iter(arrays.values()))), dtype=kinds)
    for name, array in arrays.items():
        rows[name] = array
    return rows


def by_name(rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Returns each field of rows, ``(rows, ...)``, in the types that they came in."""
    return {name: rows[name] for name in rows.dtype.names or ()}
