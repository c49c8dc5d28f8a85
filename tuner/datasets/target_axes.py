"""Targets of places: one for each pixel of a row, or for each of its steps.

Masks have a class for each pixel ``(rows, height, width)``, images numbers ``(rows, height, width,
channels)``, sequences a class or numbers for each step ``(rows, steps, 1)``. Prepared, all are
``(rows, *axes, columns)``: the loss of a row is the mean over its places.

The rule for targets of 3 or 4 axes, where no task is given:

- Text, booleans, and numbers that are all 0 or 1 are classes.
- Integers are classes where they are few, or count from 0 without a gap (``MOST_CLASSES``).
- All others are numbers. The last axis then holds those of one place; targets ``(rows, height,
  width)`` are a number a pixel where the features are images of that size.
- Flags ``(rows, height, width, labels)`` of 0 and 1 are labels of each pixel.

Targets of 2 axes are a sequence of classes only where the task says that they are classes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.shapes import shown_task
from tuner.datasets import task
from tuner.datasets.checks import MOST_AXES
from tuner.datasets.chunks import Chunks
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.prepared_data import Selection
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.task import FEW_LABELS, Targets, are_whole
from tuner.errors import quoted

MOST_CLASSES = 255  # 256 are the values of a grey picture
CLASS_TASKS = ("binary", "classes")


def find(
    arrays: Arrays, requested: str | None, source: str, *, mask_value: float | None = None
) -> Targets:
    """Returns what is predicted, of each place or of the rows themselves.

    Args:
        arrays: Checked.
        requested: The task that the user gave, or None to find it.
        source: Where the targets come from, for messages.
        mask_value: As ``DataSpec.mask_value``.

    Raises:
        DataError: Targets do not fit the task, or all are equal.
    """
    parts = [rows.y for rows in arrays.parts.values()]
    if _have_places(parts[0], requested):
        row = arrays.parts["train"].x.shape[1:]
        return _of_places(parts, requested, source, row, mask_value)
    if mask_value is not None:
        raise DataError(
            f"{source}: expected --mask-value with a target for each pixel or step. Received: "
            f"targets of shape {parts[0].shape}: leave it out, or give y[..., None]."
        )
    return task.find(parts, requested, source, arrays.targets)


def _of_places(
    parts: Sequence[NDArray[Any]],
    requested: str | None,
    source: str,
    row: tuple[int, ...],
    mask_value: float | None,
) -> Targets:
    if mask_value is not None and parts[0].dtype.kind == "U":
        raise DataError(
            f"{source}: expected numbers as targets with --mask-value. Received: text: give "
            f"weights of shape {parts[0].shape} that are 0 where nothing counts."
        )
    distinct = _distinct(parts, mask_value)
    if len(distinct) < 2:
        only = f": {quoted(distinct[0].item())} in every place" if len(distinct) else ""
        raise DataError(
            f"{source}: expected at least two different targets. Received{only or ': none'}: there "
            "is nothing to learn."
        )
    shape = parts[0].shape[1:]
    kind = requested or _guess(distinct, shape, parts[0].dtype)
    if kind == "labels":
        return _labels(distinct, shape, source)
    if kind == "regression":
        _check_numbers(distinct, source)
        axes, units = _of_numbers(shape, row)
        return Targets(task="regression", units=units, classes=None, axes=axes)
    axes = shape[:-1] if shape[-1] == 1 and len(shape) > 1 else shape
    _check_classes(distinct, kind, axes, parts, source, given=requested is not None)
    two = len(distinct) == 2 and requested != "classes"
    return Targets(
        task="binary" if two else "classes",
        units=1 if two else len(distinct),
        classes=distinct,
        axes=axes,
    )


def _have_places(y: NDArray[Any], requested: str | None) -> bool:
    if y.dtype.names is not None or y.ndim < 2:
        return False
    return y.ndim > 2 or (requested in CLASS_TASKS and not _are_one_hot([y]))


def _distinct(parts: Sequence[NDArray[Any]], mask_value: float | None) -> NDArray[Any]:
    """The different targets in sorted order, but for those that do not count."""
    each = [np.unique(part) for part in parts]
    distinct = np.unique(np.concatenate(each))
    return distinct if mask_value is None else distinct[distinct != mask_value]


def _guess(distinct: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    flags = distinct.dtype.kind not in "U" and bool(np.isin(distinct, (0, 1)).all())
    if flags and len(shape) == MOST_AXES - 1 and shape[-1] > 1:
        return "labels"
    of_place = len(shape) < MOST_AXES - 1 or shape[-1] == 1
    if not of_place or (dtype.kind == "f" and not flags):
        return "regression"
    few = len(distinct) <= FEW_LABELS or (
        len(distinct) <= MOST_CLASSES and _count_from_zero(distinct)
    )
    return "classes" if distinct.dtype.kind in "Ub" or flags or few else "regression"


def _count_from_zero(distinct: NDArray[Any]) -> bool:
    return bool(distinct[0] == 0 and distinct[-1] == len(distinct) - 1)


def _of_numbers(shape: tuple[int, ...], row: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Axes, and numbers of each place."""
    if len(shape) == 2 and len(row) == 3 and row[:2] == shape:
        return shape, 1
    return shape[:-1], shape[-1]


def _labels(distinct: NDArray[Any], shape: tuple[int, ...], source: str) -> Targets:
    if not np.isin(distinct, (0, 1)).all():
        other = distinct[~np.isin(distinct, (0, 1))][0].item()
        raise DataError(
            f"{source}: expected 0 or 1 in every target for the task multilabel. "
            f"Received: {quoted(other)}: give 1 where a place has the label."
        )
    if shape[-1] < 2 or len(shape) < 2:
        raise DataError(
            f"{source}: expected targets of shape (rows, ..., labels) with two labels or more for "
            f"the task multilabel. Received: (rows, {', '.join(map(str, shape))}): leave --task "
            "out for one class a place."
        )
    names = tuple(map(str, range(shape[-1])))
    return Targets(task="labels", units=shape[-1], classes=None, names=names, axes=shape[:-1])


def _check_numbers(distinct: NDArray[Any], source: str) -> None:
    if distinct.dtype.kind in "Ub":
        raise DataError(
            f"{source}: expected numbers as targets of a regression. "
            f"Received: labels such as {quoted(distinct[0].item())}: give numbers or another task."
        )


def _check_classes(
    distinct: NDArray[Any],
    kind: str,
    axes: tuple[int, ...],
    parts: Sequence[NDArray[Any]],
    source: str,
    *,
    given: bool,
) -> None:
    if distinct.dtype.kind == "f" and not are_whole(distinct):
        fraction = distinct[distinct != np.floor(distinct)][0].item()
        raise DataError(
            f"{source}: expected whole numbers as classes for the task {shown_task(kind)}. "
            f"Received: {fraction!r}: (y > 0.5).astype(int) makes a mask of shares, the task "
            "regression takes them as they are."
        )
    if len(axes) >= MOST_AXES - 1 or (not given and _are_one_hot(parts)):
        raise DataError(
            f"{source}: expected one class for each place. Received: targets of shape "
            f"{parts[0].shape}: y.argmax(axis=-1) makes classes of one-hot places."
        )
    if kind == "binary" and len(distinct) != 2:
        raise DataError(
            f"{source}: expected two classes for the task binary. Received: {len(distinct)}: give "
            "the task multiclass."
        )
    if distinct.dtype.kind not in "Ub" and (
        distinct[0] < 0 or (len(distinct) > 2 and not _count_from_zero(distinct))
    ):
        gap = int(np.flatnonzero(distinct != np.arange(len(distinct)))[0])
        stray = distinct[gap].item()
        without = "" if stray < 0 else f" with no {gap} anywhere"
        raise DataError(
            f"{source}: expected the classes 0, 1, 2, ... of pixels or steps, each of them "
            f"somewhere. Received: {stray:g}{without}: --mask-value {stray:g} leaves out places "
            "that do not count, np.unique(y, return_inverse=True) numbers classes anew."
        )


def _are_one_hot(parts: Sequence[NDArray[Any]]) -> bool:
    """Whether the last axis has a single 1 among zeros in every place."""
    return all(
        part.dtype.kind in "buif"
        and part.shape[-1] > 1
        and bool(np.isin(part, (0, 1)).all() and (part.sum(axis=-1) == 1).all())
        for part in parts
    )


def canonical(arrays: Arrays, targets: Targets, spec: DataSpec) -> Arrays:
    """Returns the same data set with targets ``(rows, *axes, columns)`` and weights of places.

    A place whose target is ``spec.mask_value`` weighs 0.

    Raises:
        DataError: Weights are of places that are not there, or nothing counts.
    """
    parts = {
        part: _canonical_rows(rows, targets, spec, f"{spec.source} ({part})")
        for part, rows in arrays.parts.items()
    }
    return dataclasses.replace(arrays, parts=parts)


def _canonical_rows(rows: Rows, targets: Targets, spec: DataSpec, where: str) -> Rows:
    weights, axes = rows.weights, targets.axes
    if weights is not None and weights.ndim > 1 and weights.shape[1:] != axes:
        raise DataError(
            f"{where}: expected a number as the weight of each row{' or place' if axes else ''}. "
            f"Received: weights of shape {weights.shape} with targets of shape {rows.y.shape}: "
            f"give {(len(rows.y), *axes)}."
        )
    if not axes:
        return rows
    y = rows.y.reshape(len(rows.y), *axes, targets.outputs.columns)
    if weights is not None:
        weights = weights.reshape(len(y), *(weights.shape[1:] or (1,) * len(axes)))
    if spec.mask_value is not None:
        counts = _counts(y, spec.mask_value, where)
        weights = counts.astype(np.float32) * (1 if weights is None else weights)
    return dataclasses.replace(rows, y=y, weights=weights)


def _counts(y: NDArray[Any], mask_value: float, where: str) -> NDArray[np.bool_]:
    """Which places count, ``(rows, *axes)``."""
    masked = y == mask_value
    counts = ~masked.all(axis=-1)
    if (masked.any(axis=-1) & counts).any():
        raise DataError(
            f"{where}: expected --mask-value {mask_value:g} in all {y.shape[-1]} values of a "
            "place, or in none: a place counts as a whole. Received: places that have it in some: "
            "fill these in, or leave whole places out."
        )
    if not counts.any():
        raise DataError(
            f"{where}: expected places that count. Received: --mask-value {mask_value:g} in all."
        )
    return counts


def check_same(y: NDArray[Any], targets: Targets, mask_value: float | None, where: str) -> None:
    """Refuses targets of other places than before, or of classes that nobody knows.

    Raises:
        DataError: What was expected.
    """
    if y.shape[1:] not in (targets.axes, (*targets.axes, targets.outputs.columns)):
        raise DataError(
            f"{where}: expected targets of shape (rows, {', '.join(map(str, targets.axes))}, "
            f"{targets.outputs.columns}) as before. Received: {y.shape}."
        )
    if targets.classes is None:
        return
    distinct = np.unique(y)
    unknown = distinct[~np.isin(distinct, targets.classes) & (distinct != mask_value)]
    if len(unknown):
        raise DataError(
            f"{where}: expected the classes of before. Received: {quoted(unknown[0].item())}."
        )


def counted(y: NDArray[Any], weights: NDArray[Any] | None) -> NDArray[Any]:
    """Returns the targets of places that count, ``(places, columns)``.

    Args:
        y: ``(rows, *axes, columns)``.
        weights: ``(rows, *axes)``, or with axes of 1; None where all count.
    """
    flat = y.reshape(-1, y.shape[-1])
    if weights is None:
        return flat
    return flat[np.broadcast_to(weights > 0, y.shape[:-1]).ravel()]


def presence(y: NDArray[Any], weights: NDArray[Any] | None, count: int) -> NDArray[np.bool_]:
    """Returns which classes each row has, ``(rows, count)``.

    Args:
        y: Positions of classes ``(rows, *axes, 1)``.
        weights: As for ``counted``.
    """
    flags = np.zeros((len(y), count), dtype=bool)
    rows = np.broadcast_to(np.arange(len(y)).reshape(-1, *(1,) * (y.ndim - 1)), y.shape)
    flags[counted(rows, weights)[:, 0], counted(y, weights)[:, 0]] = True
    return flags


class CountedChunks:
    """The targets of some rows as ``scaling.fit`` takes them, without places that do not count.

    Args:
        selection: The rows, of canonical targets.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    def __len__(self) -> int:
        return len(self._selection.indices)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yields arrays ``(places, columns)`` of the targets' dtype."""
        rows, indices = self._selection.rows, self._selection.indices
        start = 0
        for y in Chunks(rows.y, indices):
            some = indices[start : start + len(y)]
            start += len(y)
            places = counted(y, None if rows.weights is None else rows.weights[some])
            if len(places):
                yield places


def shown_axes(axes: tuple[int, ...]) -> str:
    """Returns ``28x28 pixels`` or ``12 steps``."""
    if len(axes) == 1:
        return f"{axes[0]} steps"
    return f"{'x'.join(map(str, axes))} pixels"


def count_places(axes: tuple[int, ...]) -> int:
    """Returns how many places a row has."""
    return math.prod(axes)
