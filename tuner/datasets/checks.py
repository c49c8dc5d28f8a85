"""What raw arrays must be before anything is computed from them; each breach is one clear line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import heads, records, several
from tuner.datasets.arrays import Arrays, Rows
from tuner.datasets.errors import DataError
from tuner.errors import one_line

# Models compute in float32: the square of a larger value (its variance) would overflow.
LARGEST = 1e18

_NUMBERS = "buif"  # NumPy's kinds: boolean, unsigned, signed, floating


def check(arrays: Arrays, source: str) -> Arrays:
    """Returns the same data set as NumPy arrays that can be divided, scaled and trained on.

    Targets of shape ``(rows, 1)`` become ``(rows,)``, and text held as Python objects becomes
    NumPy text; features are only looked at. Several targets go by the names that they were given,
    or that the columns of a data frame have; those of several outputs by the keys of their dict.

    Args:
        arrays: What a loader returned.
        source: Where it comes from, for messages.

    Raises:
        DataError: Values of a wrong type, missing, infinite or too large; rows and targets of
            different number; parts of different shapes.
    """
    parts = {part: _check_rows(rows, f"{source} ({part})") for part, rows in arrays.parts.items()}
    _check_alike((_shape_of(rows.x) for rows in parts.values()), "rows of one shape", source)
    _check_alike((_shape_of_y(rows.y) for rows in parts.values()), "targets of one shape", source)
    _check_alike((_are_text(rows.y) for rows in parts.values()), "one kind of labels", source)
    names = arrays.targets or _column_names(arrays.parts["train"].y)
    y = parts["train"].y
    if heads.are_several(y) and arrays.targets:
        raise DataError(
            f"{source}: expected no names of targets beside several outputs. "
            f"Received: {', '.join(arrays.targets)}: leave them out."
        )
    if y.ndim == 1:
        return dataclasses.replace(arrays, parts=parts, targets=None)
    if names is not None and (len(names) != y.shape[1] or len(set(names)) < len(names)):
        raise DataError(
            f"{source}: expected {y.shape[1]} different names of targets. "
            f"Received: {', '.join(names)}."
        )
    return dataclasses.replace(arrays, parts=parts, targets=names)


def _column_names(values: Any) -> tuple[str, ...] | None:
    """Of a data frame; a column that is only numbered has none."""
    columns = getattr(values, "columns", ())
    return tuple(columns) if len(columns) and all(isinstance(c, str) for c in columns) else None


def _check_rows(rows: Rows, where: str) -> Rows:
    x = several.join(rows.x, where) if isinstance(rows.x, Mapping) else _array(rows.x, "x", where)
    y = _check_y(rows.y, where)
    if several.are_several(x):
        for name, values in records.by_name(x).items():
            _check_features(values, f"x[{name!r}]", where)
    else:
        _check_features(x, "x", where)
    if len(x) != len(y):
        raise DataError(
            f"{where}: expected one target for each row. Received: {len(x)} rows in x and "
            f"{len(y)} targets in y: make them of one length."
        )
    if rows.weights is None:
        return dataclasses.replace(rows, x=x, y=y)
    weights = _check_shape_of_weights(rows.weights, len(x), where)
    return dataclasses.replace(rows, x=x, y=y, weights=weights)


def _check_shape_of_weights(weights: Any, rows: int, where: str) -> NDArray[Any]:
    found = _array(weights, "weights", where)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.shape != (rows,) or found.dtype.kind not in _NUMBERS:
        raise DataError(
            f"{where}: expected a number as the weight of each of {rows} rows. "
            f"Received: {_dtype_name(found)} of shape {found.shape}."
        )
    return found


def check_weights(weights: NDArray[Any], where: str) -> NDArray[Any]:
    """Returns weights of rows ``(rows,)`` that a loss can be computed with.

    Raises:
        DataError: One is missing, infinite or negative, or all are 0.
    """
    if weights.dtype.kind == "b":
        weights = weights.astype(np.float32)
    _check_finite(weights, "weights", where)
    if (weights < 0).any() or not weights.any():
        raise DataError(
            f"{where}: expected weights of 0 or more, and some above 0. "
            f"Received: {weights.min():g} to {weights.max():g}."
        )
    return weights


def _array(values: Any, name: str, where: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as e:
        raise DataError(
            f"{where}: expected an array for {name}. Received: a {type(values).__name__} "
            f"that is none ({one_line(e)}): give every row the same shape."
        ) from e


def _shape_of(x: NDArray[Any]) -> tuple[Any, ...]:
    """Of a row; of several inputs each with its name."""
    if several.are_several(x):
        return tuple((name, *values.shape[1:]) for name, values in records.by_name(x).items())
    return x.shape[1:]


def _check_features(x: NDArray[Any], name: str, where: str) -> None:
    if x.dtype.names is not None:  # a table, whose columns its source has checked
        return
    if x.dtype.kind not in _NUMBERS:
        raise DataError(
            f"{where}: expected real numbers in {name}. Received: {_dtype_name(x)}: "
            "encode them as numbers."
        )
    if x.ndim < 2:
        raise DataError(
            f"{where}: expected {name} of shape (rows, columns) or more axes. Received: {x.shape}: "
            "x[:, None] makes a single column of it."
        )
    if not x.size:
        raise DataError(
            f"{where}: expected rows. Received: {name} of shape {x.shape}, which is empty."
        )
    _check_finite(x, name, where)


def _shape_of_y(y: NDArray[Any]) -> tuple[Any, ...]:
    """Of a row's targets; of several outputs each with its name."""
    if heads.are_several(y):
        return tuple((name, *values.shape[1:]) for name, values in records.by_name(y).items())
    return y.shape[1:]


def _are_text(y: NDArray[Any]) -> tuple[bool, ...]:
    found = records.by_name(y) if heads.are_several(y) else {"": y}
    return tuple(values.dtype.kind == "U" for values in found.values())


def _check_y(values: Any, where: str) -> NDArray[Any]:
    """Returns targets, or those of several outputs as ``heads.join`` lays them."""
    if isinstance(getattr(values, "dtype", None), np.dtype) and heads.are_several(values):
        values = records.by_name(values)
    if not isinstance(values, Mapping):
        return _check_targets(_array(values, "y", where), where)
    heads.check_names(values, where)
    found = {name: _array(values[name], f"y[{name!r}]", where) for name in sorted(values)}
    return heads.join(
        {name: _check_targets(y, where, f"y[{name!r}]") for name, y in found.items()}, where
    )


def _check_targets(y: NDArray[Any], where: str, name: str = "y") -> NDArray[Any]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2):
        raise DataError(
            f"{where}: expected {name} of shape (rows,) or (rows, units). Received: {y.shape}: "
            "give one label or a few numbers for each row."
        )
    if y.dtype.kind == "O":
        y = _labels_of_objects(y, where, name)
    if y.dtype.kind not in _NUMBERS + "U":
        raise DataError(
            f"{where}: expected numbers or text in {name}. Received: {_dtype_name(y)}: "
            f"{name}.astype(str) makes labels of it."
        )
    if y.dtype.kind != "U":
        _check_finite(y, name, where)
    return y


def _labels_of_objects(y: NDArray[Any], where: str, name: str) -> NDArray[Any]:
    """Returns text as NumPy text. None and NaN stand for a missing label in object arrays."""
    flat = y.ravel().tolist()
    # NaN is the only value that differs from itself.
    missing = [row for row, label in enumerate(flat) if label is None or label != label]
    if missing:
        raise DataError(
            f"{where}: expected a label in every row. Received: {len(missing)} missing in {name}, "
            f"the first in row {missing[0]} (counted from 0): fill them in or remove these rows."
        )
    other = next((label for label in flat if not isinstance(label, str)), None)
    if other is not None:
        raise DataError(
            f"{where}: expected numbers or text in {name}. Received: Python objects such as "
            f"{other!r}: convert it with {name}.astype(float) or {name}.astype(str)."
        )
    return y.astype(np.str_)


def _check_finite(values: NDArray[Any], name: str, where: str) -> None:
    if not values.size or values.dtype.kind != "f":
        return
    # Minimum and maximum need no second array of this size, and NaN shows in both.
    if values.min() >= -LARGEST and values.max() <= LARGEST:
        return
    wrong = ~(np.abs(values) <= LARGEST)
    first = np.argwhere(wrong)[0]
    raise DataError(
        f"{where}: expected finite numbers up to {LARGEST:g} in {name}. "
        f"Received: {values[tuple(first)]} in row {first[0]} (counted from 0), "
        f"{wrong.sum()} such value(s): fill them in or remove these rows."
    )


def _check_alike(values: Iterable[Any], expected: str, source: str) -> None:
    distinct = list(dict.fromkeys(values))
    if len(distinct) > 1:
        received = " and ".join(str(value) for value in distinct)
        raise DataError(
            f"{source}: expected {expected} in all parts. Received: {received}: make them agree."
        )


def _dtype_name(array: NDArray[Any]) -> str:
    kinds = {"c": "complex numbers", "U": "text", "S": "bytes", "O": "Python objects"}
    return kinds.get(array.dtype.kind, f"values of type {array.dtype}")
