"""Columns that count the rows, in arrays whose columns have names: those of data frames.

Tables leave them out while they are read, see ``tuner.datasets.sources.table``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from tuner.datasets import structured_arrays
from tuner.datasets.columns import index_columns
from tuner.datasets.columns.column_names import shown
from tuner.datasets.raw_data import Arrays
from tuner.errors import quoted

Names = tuple[str, ...]


def drop_index(arrays: Arrays, source: str) -> Arrays:
    """Returns the arrays without the columns that count the training rows, with a note of them.

    Args:
        arrays: Checked; columns without names are left alone.
        source: Where they come from, for notes.
    """
    x = arrays.parts["train"].x
    if x.dtype.names is None:
        keep = _places(x, arrays.columns)
        return arrays if keep is None else _cut(arrays, keep, source)
    for name in arrays.columns_of or {}:
        keep = _places(x[name], arrays.columns_of[name] if arrays.columns_of else None)
        arrays = arrays if keep is None else _cut_input(arrays, name, keep, source)
    return arrays


def _places(values: NDArray[Any], names: Names | None) -> list[int] | None:
    """The places of the columns that are features; None where all of them are, or none."""
    import pandas as pd

    if names is None or values.ndim != 2:
        return None
    counting = index_columns.find(pd.DataFrame(values, columns=list(names), copy=False))
    keep = [place for place, name in enumerate(names) if name not in counting]
    return keep if counting and keep else None


def _cut(arrays: Arrays, keep: list[int], source: str) -> Arrays:
    assert arrays.columns is not None
    cut = _with_x(arrays, lambda x: x[:, keep])
    cut = dataclasses.replace(cut, columns=tuple(arrays.columns[place] for place in keep))
    return _noted(cut, arrays.columns, keep, source)


def _cut_input(arrays: Arrays, name: str, keep: list[int], source: str) -> Arrays:
    """The same of one of several inputs."""
    assert arrays.columns_of is not None

    def cut(x: NDArray[Any]) -> NDArray[Any]:
        inputs = structured_arrays.by_name(x)
        return structured_arrays.join_arrays({**inputs, name: inputs[name][:, keep]})

    names = arrays.columns_of[name]
    columns_of = {**arrays.columns_of, name: tuple(names[place] for place in keep)}
    without = dataclasses.replace(_with_x(arrays, cut), columns_of=columns_of)
    return _noted(without, names, keep, f"{source}: x[{quoted(name)}]")


def _with_x(arrays: Arrays, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Arrays:
    parts = {
        part: dataclasses.replace(rows, x=change(rows.x)) for part, rows in arrays.parts.items()
    }
    return dataclasses.replace(arrays, parts=parts)


def _noted(arrays: Arrays, names: Names, keep: list[int], source: str) -> Arrays:
    dropped = tuple(name for place, name in enumerate(names) if place not in set(keep))
    listed = shown([quoted(name) for name in dropped])
    note = index_columns.LEFT_OUT.format(source=source, names=listed)
    return dataclasses.replace(
        arrays, dropped=(*arrays.dropped, *dropped), notes=(*arrays.notes, note)
    )
