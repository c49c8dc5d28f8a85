"""What raw arrays must be before anything is computed from them; each breach is one clear line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import multi_input, multi_output, structured_arrays
from tuner.datasets.columns import column_names
from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_labels
from tuner.datasets.raw_data import Arrays, Rows
from tuner.errors import one_line, quoted

# Models compute in float32: the square of a larger value (its variance) would overflow.
LARGEST = 1e18

MOST_AXES = 4  # of targets, that of the rows among them
_NUMBERS = "buif"  # NumPy's kinds: boolean, unsigned, signed, floating


def check(arrays: Arrays, source: str) -> Arrays:
    """Returns the same data set as NumPy arrays that can be divided, scaled and trained on.

    Targets of shape ``(rows, 1)`` become ``(rows,)``, and text held as Python objects becomes
    NumPy text; features are only looked at. Columns of features and several targets go by the
    names that they were given, or that those of a data frame have; targets of several outputs by
    the keys of their dict. Where columns of the training rows have names, those of other parts are
    found by them.

    Args:
        arrays: What a loader returned.
        source: Where it comes from, for messages.

    Raises:
        DataError: Values of a wrong type, missing, infinite or too large; rows and targets of
            different number; parts of different shapes.
    """
    arrays = _name_columns(arrays)
    parts = {
        part: _check_rows(_order_columns(rows, arrays, f"{source} ({part})"), f"{source} ({part})")
        for part, rows in arrays.parts.items()
    }
    _check_column_names(arrays, parts["train"].x, source)
    _check_alike((_shape_of(rows.x) for rows in parts.values()), "rows of one shape", source)
    _check_alike((_shape_of_y(rows.y) for rows in parts.values()), "targets of one shape", source)
    _check_alike((_are_text(rows.y) for rows in parts.values()), "one kind of labels", source)
    names = arrays.targets or _column_names(arrays.parts["train"].y)
    y = parts["train"].y
    if multi_output.are_several(y) and arrays.targets:
        raise DataError(
            f"{source}: expected no names of targets beside several outputs. "
            f"Received: {column_names.shown(list(arrays.targets))}: leave them out."
        )
    if y.ndim == 1:
        return dataclasses.replace(arrays, parts=parts, targets=None)
    if names is not None and (len(names) != y.shape[-1] or len(set(names)) < len(names)):
        raise DataError(
            f"{source}: expected {y.shape[-1]} different names of targets. "
            f"Received: {column_names.shown(list(names))}."
        )
    return dataclasses.replace(arrays, parts=parts, targets=names)


def _name_columns(arrays: Arrays) -> Arrays:
    """Names of columns are those that the source gives, else those of data frames."""
    x = arrays.parts["train"].x
    if isinstance(x, Mapping):
        given_names = arrays.columns_of or {}
        return dataclasses.replace(
            arrays, columns_of={**column_names.each_askable(x), **given_names} or None
        )
    return dataclasses.replace(arrays, columns=arrays.columns or column_names.askable(x))


def _order_columns(rows: Rows, arrays: Arrays, where: str) -> Rows:
    """The same rows with their columns in the order of the training rows'."""
    if not isinstance(rows.x, Mapping):
        return dataclasses.replace(rows, x=column_names.in_order(rows.x, arrays.columns, where))
    names_of_input = arrays.columns_of or {}
    x: Any = {
        name: column_names.in_order(values, names_of_input.get(name), f"{where}: x[{quoted(name)}]")
        for name, values in rows.x.items()
    }
    return dataclasses.replace(rows, x=x)


def _check_column_names(arrays: Arrays, x: NDArray[Any], source: str) -> None:
    """Checks that there is a name for each column of an array, and each another one."""
    if multi_input.are_several(x):
        arrays_and_names = {
            f"x[{quoted(name)}]": (x[name], column_names_of_input)
            for name, column_names_of_input in (arrays.columns_of or {}).items()
        }
    elif x.dtype.names is None and arrays.columns is not None:
        arrays_and_names = {"x": (x, arrays.columns)}
    else:
        return
    for what, (values, names) in arrays_and_names.items():
        axes = 3 if arrays.windows else 2
        different = len(set(names)) == len(names) == values.shape[-1]
        if values.ndim != axes or not different:
            raise DataError(
                f"{source}: expected a name for each column of {what} of shape {values.shape}, all "
                f"different. Received: {column_names.shown(list(names))}."
            )


def _column_names(values: Any) -> tuple[str, ...] | None:
    """Of a data frame; a column that is only numbered has none."""
    columns = getattr(values, "columns", ())
    return tuple(columns) if len(columns) and all(isinstance(c, str) for c in columns) else None


def _check_rows(rows: Rows, where: str) -> Rows:
    x = (
        multi_input.join(rows.x, where)
        if isinstance(rows.x, Mapping)
        else _to_array(rows.x, "x", where)
    )
    y = _check_y(rows.y, where)
    if multi_input.are_several(x):
        for name, values in structured_arrays.by_name(x).items():
            _check_features(values, f"x[{quoted(name)}]", where)
    else:
        _check_features(x, "x", where)
    if len(x) != len(y):
        raise DataError(
            f"{where}: expected one target for each row. Received: {len(x)} rows in x and "
            f"{len(y)} targets in y: make them of one length."
        )
    if rows.weights is None:
        return dataclasses.replace(rows, x=x, y=y)
    weights = _check_shape_of_weights(rows.weights, y, where)
    return dataclasses.replace(rows, x=x, y=y, weights=weights)


def _check_shape_of_weights(weights: Any, y: NDArray[Any], where: str) -> NDArray[Any]:
    array = _to_array(weights, "weights", where)
    while array.ndim > 1 and array.shape[-1] == 1:
        array = array[..., 0]
    of_places = y.ndim > 1 and array.ndim > 1 and array.shape == y.shape[: array.ndim]
    if not (array.shape == y.shape[:1] or of_places) or array.dtype.kind not in _NUMBERS:
        raise DataError(
            f"{where}: expected a number as the weight of each of {len(y)} rows. "
            f"Received: {_dtype_name(array)} of shape {array.shape}."
        )
    return array


def check_weights(weights: NDArray[Any], where: str) -> NDArray[Any]:
    """Returns weights of rows ``(rows,)`` or places that a loss can be computed with.

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


def _to_array(values: Any, name: str, where: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as e:
        raise DataError(
            f"{where}: expected an array for {name}. Received: a {type(values).__name__} "
            f"that is none ({one_line(e)}): give every row the same shape."
        ) from e


def _shape_of(x: NDArray[Any]) -> tuple[Any, ...]:
    """Of a row; of several inputs each with its name."""
    if multi_input.are_several(x):
        return tuple(
            (name, *values.shape[1:]) for name, values in structured_arrays.by_name(x).items()
        )
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
    if multi_output.are_several(y):
        return tuple(
            (name, *values.shape[1:]) for name, values in structured_arrays.by_name(y).items()
        )
    return y.shape[1:]


def _are_text(y: NDArray[Any]) -> tuple[bool, ...]:
    values_of_output = structured_arrays.by_name(y) if multi_output.are_several(y) else {"": y}
    return tuple(values.dtype.kind == "U" for values in values_of_output.values())


def _check_y(values: Any, where: str) -> NDArray[Any]:
    """Returns targets, or those of several outputs as ``multi_output.join`` returns them."""
    if isinstance(getattr(values, "dtype", None), np.dtype) and multi_output.are_several(values):
        values = structured_arrays.by_name(values)
    if not isinstance(values, Mapping):
        return _check_targets(_to_array(values, "y", where), where)
    multi_output.check_names(values, where)
    targets = {
        name: _to_array(values[name], f"y[{quoted(name)}]", where) for name in sorted(values)
    }
    return multi_output.join(
        {name: _check_targets(y, where, f"y[{quoted(name)}]") for name, y in targets.items()}, where
    )


def _check_targets(y: NDArray[Any], where: str, name: str = "y") -> NDArray[Any]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if name != "y" and y.ndim not in (1, 2):
        raise DataError(
            f"{where}: expected {name} of shape (rows,) or (rows, units), as there are several "
            f"outputs. Received: {y.shape}: give one label or a few numbers for each row."
        )
    if y.ndim not in range(1, MOST_AXES + 1):
        raise DataError(
            f"{where}: expected y of shape (rows,), (rows, units), (rows, steps, units), (rows, "
            f"height, width) or (rows, height, width, channels). Received: {y.shape}."
        )
    if y.dtype.kind == "O":
        _check_ragged(y, where, name)
        y = _object_labels_to_text(y, where, name)
    if y.dtype.kind not in _NUMBERS + "U":
        raise DataError(
            f"{where}: expected numbers or text in {name}. Received: {_dtype_name(y)}: "
            f"{name}.astype(str) makes labels of it."
        )
    if y.dtype.kind != "U":
        _check_finite(y, name, where)
    return y


def _check_ragged(y: NDArray[Any], where: str, name: str) -> None:
    lengths = [len(row) for row in y.ravel().tolist() if isinstance(row, (list, tuple, np.ndarray))]
    if lengths:
        raise DataError(
            f"{where}: expected sequences of one length in {name}. Received: {min(lengths)} to "
            f"{max(lengths)} steps: fill up the shorter ones, with weights of 0 or a --mask-value "
            "where nothing counts."
        )


def _object_labels_to_text(y: NDArray[Any], where: str, name: str) -> NDArray[Any]:
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
            f"{quoted(other)}: convert it with {name}.astype(float) or {name}.astype(str)."
        )
    check_labels(flat, name, where)
    return y.astype(np.str_)


def _check_finite(values: NDArray[Any], name: str, where: str) -> None:
    if not values.size or values.dtype.kind != "f":
        return
    # Minimum and maximum need no second array of this size, and NaN shows in both.
    if values.min() >= -LARGEST and values.max() <= LARGEST:
        return
    is_invalid = ~(np.abs(values) <= LARGEST)
    first = np.argwhere(is_invalid)[0]
    raise DataError(
        f"{where}: expected finite numbers up to {LARGEST:g} in {name}. "
        f"Received: {values[tuple(first)]} in row {first[0]} (counted from 0), "
        f"{is_invalid.sum()} such value(s): fill them in or remove these rows."
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
