"""Columns whose different values a model cannot tell from each other any more.

Models compute in float32, with sums about 1. What lies close together beside something far off, or
is not scaled at all, becomes one number there; nobody would see it from a loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import multi_output
from tuner.datasets.columns.dates import Date
from tuner.datasets.columns.encoding import Encoder, Number
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.prepared_data import Data
from tuner.errors import quoted

VALUES = 1 << 20  # that are looked at, in rows evenly spread over the training part
FEWEST_ROWS = 256
MOST_ROWS = 1 << 16
STEP = 2.0**-23  # what numbers about 1 differ by in float32
SHOWN = 3  # notes
LONGEST = 60  # characters of a name

_Pair = tuple[str, NDArray[Any], NDArray[Any]]  # a name, raw values (rows,) and what became of them


def notes(data: Data, spec: DataSpec) -> tuple[str, ...]:
    """Returns a line for each column of the training part that lost half of its values or more.

    Args:
        spec: What they were made of.
    """
    source = spec.source[-LONGEST:]
    lines = [
        f"{source}: {raw_count} different values of {name} are {prepared_count} to a model, "
        "which computes in float32: subtract a constant, leave out values far off, or remove it."
        for name, raw_count, prepared_count in map(_count_distinct, _pairs(data, spec))
        if raw_count > 1 and 2 * prepared_count <= raw_count
    ]
    hidden = len(lines) - SHOWN
    return (
        (*lines[:SHOWN], f"{source}: {hidden} more such columns.") if hidden > 0 else tuple(lines)
    )


def _count_distinct(pair: _Pair) -> tuple[str, int, int]:
    name, raw, prepared = pair
    present = raw == raw  # NaN and NaT alone differ from themselves
    rounded = np.round(prepared[present].astype(np.float64) / STEP)
    return name[:LONGEST], len(np.unique(raw[present])), len(np.unique(rounded))


def _pairs(data: Data, spec: DataSpec) -> Iterator[_Pair]:
    """Columns of features and targets, side by side with what they became."""
    selection, part = data.selections["train"], data.train
    width = max(1, part.x[:1].size)
    count = min(len(part), MOST_ROWS, max(FEWEST_ROWS, VALUES // width))
    rows = np.linspace(0, len(part) - 1, count).astype(np.int64)
    yield from _features(data, selection.rows.x[selection.indices[rows]], part.x[rows])
    if spec.learns == "targets":
        for name, one in (multi_output.every(data) or {"": data}).items():
            if one.outputs.task == "regression":
                yield from _targets(one, name, rows)


def _features(data: Data, raw: NDArray[Any], x: NDArray[Any]) -> Iterator[_Pair]:
    if data.encoder is not None:
        yield from _columns(data.encoder, raw, x)
    elif data.inputs_encoder is not None:
        start = 0
        for each in data.inputs_encoder.inputs:
            cut = x[:, start : start + each.width]
            yield from _split_columns(f"x[{each.name!r}]", raw[each.name], cut, each.scaler)
            start += each.width
    elif data.inputs.vocabulary is None:
        yield from _split_columns("x", raw, x, data.scaler, data.columns)


def _columns(encoder: Encoder, raw: NDArray[Any], x: NDArray[Any]) -> Iterator[_Pair]:
    start = 0
    for column in encoder.columns:
        if isinstance(column, (Number, Date)):
            yield f"column {column.name!r}", raw[column.name], x[:, start]
        start += column.width


def _split_columns(
    what: str,
    raw: NDArray[Any],
    prepared: NDArray[Any],
    scaler: Any,
    names: tuple[str, ...] | None = None,
) -> Iterator[_Pair]:
    """Each column by itself; values of one unit all together."""
    if raw.dtype.itemsize < 4:  # bytes, truth values, half precision
        return
    if raw.ndim > 2 or (scaler is not None and scaler.centre.ndim == 0):
        yield what, raw.ravel(), prepared.ravel()
        return
    for i, (before, after) in enumerate(zip(raw.T, prepared.T, strict=True)):
        yield f"column {i if names is None else repr(names[i])} of {what}", before, after


def _targets(data: Data, output: str, rows: NDArray[np.int64]) -> Iterator[_Pair]:
    selection = data.selections["train"]
    raw, y = selection.rows.y[selection.indices[rows]], data.train.y[rows]
    pairs = zip(raw.reshape(len(rows), -1).T, y.reshape(len(rows), -1).T, strict=True)
    for i, (before, after) in enumerate(pairs):
        name = data.targets[i] if data.targets else i
        label = f"target {quoted(name)}" if raw.ndim > 1 else "the target"
        yield (f"{label} of {output!r}" if output else label), before, after
