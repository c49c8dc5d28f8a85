"""A data set seen from near: how its targets are spread, what its columns hold, some rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import multi_input, structured_arrays, target_axes
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.sources import source_catalog
from tuner.datasets.task import Targets

SAMPLE = 5  # rows
MOST_VALUES = 16  # of a row that is still shown as a row


@dataclass(frozen=True, kw_only=True)
class ColumnSummary:
    """A column of a table.

    Attributes:
        kind: ``number``, ``flag`` (two numbers, 0 and 1), ``category``, ``date`` or ``text``.
        missing: Rows without a value.
        distinct: Different values.
        low: The least number or date; of categories and texts the most frequent one.
        high: The largest number or date, None for categories and texts.
    """

    name: str
    kind: str
    missing: int
    distinct: int
    low: Any
    high: Any


@dataclass(frozen=True, kw_only=True)
class TargetSummary:
    """Summary of one output's targets; see ``DatasetProfile``."""

    task: str
    counts: Mapping[str, int] | None
    targets: Mapping[str, float] | None


@dataclass(frozen=True, kw_only=True)
class DatasetProfile:
    """What ``tuner datasets NAME`` shows below its description.

    Attributes:
        parts: Rows that the source brings for each part.
        counts: Rows of each class in all parts together, or with each label; None for a
            regression.
        targets: Least, mean and largest target of a regression; None for classes and labels.
        columns: Of a table; none of images and sequences.
        sample: Some rows by column, their target last; none of images and sequences.
        outputs: Of several outputs, what is predicted by each; else None. ``counts`` and
            ``targets`` are then None.
    """

    parts: Mapping[str, int]
    counts: Mapping[str, int] | None
    targets: Mapping[str, float] | None
    columns: tuple[ColumnSummary, ...]
    sample: tuple[Mapping[str, Any], ...]
    outputs: Mapping[str, TargetSummary] | None = None


def profile_dataset(spec: DataSpec) -> DatasetProfile:
    """Reads a source and returns its profile.

    Args:
        spec: The source.

    Raises:
        DataError: As ``source_catalog.read``.
    """
    arrays = source_catalog.read(spec)
    y = np.concatenate([rows.y for rows in arrays.parts.values()])
    targets = target_axes.find(arrays, spec.task, spec.source, mask_value=spec.mask_value)
    has_outputs = targets.heads is not None
    whole = (
        TargetSummary(task=targets.task, counts=None, targets=None)
        if has_outputs
        else _summarize_target(y, targets)
    )
    return DatasetProfile(
        parts={part: len(rows.x) for part, rows in arrays.parts.items()},
        counts=whole.counts,
        targets=whole.targets,
        columns=tuple(_columns(arrays)),
        sample=tuple(_sample(arrays, spec.target)),
        outputs={
            name: _summarize_target(y[name], head) for name, head in (targets.heads or {}).items()
        }
        or None,
    )


def _summarize_target(y: NDArray[Any], targets: Targets) -> TargetSummary:
    counts = _counts(y, targets)
    return TargetSummary(
        task=targets.task, counts=counts, targets=_range(y) if counts is None else None
    )


def _counts(y: NDArray[Any], targets: Targets) -> dict[str, int] | None:
    if targets.task == "labels":
        sums = y.sum(axis=tuple(range(y.ndim - 1))).astype(int)
        return dict(zip(targets.names or (), sums.tolist(), strict=True))
    if targets.classes is None:
        return None
    labels, counts = np.unique(y, return_counts=True)
    return dict(zip(map(str, labels.tolist()), counts.tolist(), strict=True))


def _range(y: NDArray[Any]) -> dict[str, float]:
    return {"least": float(y.min()), "mean": float(y.mean()), "largest": float(y.max())}


def _columns(arrays: Arrays) -> list[ColumnSummary]:
    """Of all parts together, where rows have a single axis and are few values long or named."""
    if not _is_table(arrays):
        return []
    named = [_by_name(rows, arrays.columns) for rows in arrays.parts.values()]
    return [
        _summarize_column(name, np.concatenate([columns[name] for columns in named]))
        for name in named[0]
    ]


def _summarize_column(name: str, values: NDArray[Any]) -> ColumnSummary:
    kind = {"U": "category", "O": "text", "M": "date"}.get(values.dtype.kind, "number")
    named = kind in ("category", "text")
    missing = values == "" if named else values != values  # NaN and NaT alone differ
    values_present, counts = np.unique(values[~missing], return_counts=True)
    if kind == "number" and len(values_present) == 2 and values_present.tolist() == [0, 1]:
        kind = "flag"
    return ColumnSummary(
        name=name,
        kind=kind,
        missing=int(missing.sum()),
        distinct=len(values_present),
        low=_to_json(values_present[counts.argmax() if named else 0]),
        high=None if named else _to_json(values_present[-1]),
    )


def _to_json(value: Any) -> Any:
    """A value as JSON can hold it; dates as text, nothing where one is missing."""
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value).replace("T", " ").removesuffix(" 00:00:00")
    return value.item() if isinstance(value, np.generic) else value


def _sample(arrays: Arrays, target: str | None) -> list[dict[str, Any]]:
    if not _is_table(arrays):
        return []
    rows = arrays.parts["train"]
    columns = _by_name(rows, arrays.columns)
    targets = structured_arrays.by_name(rows.y) or _by_target(rows.y, arrays.targets, target)
    return [
        {name: _to_json(column[row]) for name, column in columns.items()}
        | {name: column[row].tolist() for name, column in targets.items()}
        for row in range(min(SAMPLE, len(rows.x)))
    ]


def _by_target(
    y: NDArray[Any], names: tuple[str, ...] | None, target: str | None
) -> dict[str, NDArray[Any]]:
    columns = y.reshape(len(y), -1).T
    default_names = (
        [target or "target"] if len(columns) == 1 else [f"y[{i}]" for i in range(len(columns))]
    )
    return dict(zip(names or default_names, columns, strict=True))


def _is_table(arrays: Arrays) -> bool:
    x = arrays.parts["train"].x
    if arrays.parts["train"].y.ndim > 2:
        return False
    if x.dtype.names is not None:
        return not multi_input.are_several(x)
    return x.ndim == 2 and (arrays.columns is not None or x.shape[1] <= MOST_VALUES)


def _by_name(rows: Rows, names: tuple[str, ...] | None) -> dict[str, NDArray[Any]]:
    if rows.x.dtype.names is not None:
        return {name: rows.x[name] for name in rows.x.dtype.names}
    names = names or tuple(f"x[{i}]" for i in range(rows.x.shape[1]))
    return dict(zip(names, rows.x.T, strict=True))
