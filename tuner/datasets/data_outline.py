"""What data were taken for, in one line: what would be wrong is seen before anything is trained."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from search_spaces.shapes import shown_task
from tuner.datasets import target_axes
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.prepared_data import Data, Part
from tuner.errors import quoted, shorten

MOST_CLASSES = 5  # that are named
MOST_INPUTS = 3
MOST_OUTPUTS = 10
PARTS = ("train", "validation", "test")
_SHOWN = 24  # letters of a label
_PLURALS = {"category": "categories"}  # the others take an s


def outline_data(data: Data, spec: DataSpec) -> str:
    """Returns task, classes, kinds of columns, rows of each part, and what weighs them.

    ``task binary ('no' 212, 'yes' 357); 30 columns of numbers; rows 341 training, 114 validation,
    114 test``
    """
    task = "the rows themselves" if spec.learns == "rows" else f"task {_task(data)}"
    columns = _columns(data) if spec.window is None else _windows(data, spec)
    return "; ".join((task, columns, _rows(data, spec), *_weights(data)))


def _task(data: Data) -> str:
    task = shown_task(data.outputs.task)
    if data.outputs.axes:
        task = f"{task} for each of {target_axes.shown_axes(data.outputs.axes)}"
    if data.heads is not None:
        named = [
            f"{shorten(name, _SHOWN)} {shown_task(head.task)}" for name, head in data.heads.items()
        ]
        return f"of {len(named)} outputs ({_first_few(named, MOST_OUTPUTS)})"
    if data.classes is not None:
        counts = np.bincount(_targets(data), minlength=len(data.classes)).tolist()
        named = [
            f"{_label(label)} {count}" for label, count in zip(data.classes, counts, strict=True)
        ]
        number = "" if len(named) <= MOST_CLASSES else f"{len(named)}: "
        return f"{task} ({number}{_first_few(named, MOST_CLASSES)})"
    if data.outputs.task == "labels" and data.targets:
        return f"{task} ({_first_few(list(map(_label, data.targets)), MOST_CLASSES)})"
    return f"{task} of {_numbers(data)}"


def _numbers(data: Data) -> str:
    """How many different numbers a regression has, and between which they lie."""
    if data.outputs.units > 1:
        return f"{data.outputs.units} targets"
    y = np.concatenate([_raw_targets(data, part) for part in PARTS])
    distinct, low, high = len(np.unique(y)), float(y.min()), float(y.max())
    digits = 4 if f"{low:.4g}" != f"{high:.4g}" else 17
    return f"{distinct} different numbers from {low:.{digits}g} to {high:.{digits}g}"


def _raw_targets(data: Data, part: str) -> Any:
    y = data.raw_targets(part)
    if data.outputs.axes:
        y = target_axes.counted(y, getattr(data, part).weights)
    return np.ravel(y)


def _targets(data: Data) -> Any:
    parts = (data.train, data.validation, data.test)
    if data.outputs.axes:
        return np.concatenate([target_axes.counted(p.y, p.weights)[:, 0] for p in parts])
    return np.concatenate([part.y for part in parts])


def _columns(data: Data) -> str:
    if data.inputs.shapes is not None:
        named = [
            f"{shorten(name, _SHOWN)} {_shape_text(shape)}"
            for name, shape in data.inputs.shapes.items()
        ]
        return f"inputs {_first_few(named, MOST_INPUTS)}"
    if data.inputs.vocabulary is not None:
        return f"texts of {data.inputs.shape[0]} words"
    if data.encoder is not None:
        kinds = Counter(data.encoder.kinds.values())
        counts = ", ".join(_count(number, kind) for kind, number in kinds.items())
        return f"{_count(sum(kinds.values()), 'column')} ({counts})"
    if data.columns is not None:
        return f"{_count(len(data.columns), 'column')} of numbers"
    return f"rows of shape {_shape_text(data.inputs.shape)}"


def _windows(data: Data, spec: DataSpec) -> str:
    """How long windows are and what they predict: the rows of all parts count windows."""
    length, columns = data.inputs.shape
    longest = "" if length == spec.window else f", at most {spec.window}"
    return (
        f"windows of {_count(length, 'row')}{longest}, of {_count(columns, 'column')}, "
        f"that predict the next {_count(spec.horizon, 'row')}"
    )


def _rows(data: Data, spec: DataSpec) -> str:
    if spec.is_chained:
        most = "" if spec.max_train_rows is None else f"at most {spec.max_train_rows} "
        return f"{spec.folds} folds, each after its {most}training rows, {len(data.test)} rows test"
    if spec.folds > 1:
        divided = len(data.train) + len(data.validation)
        return f"rows {divided} in {spec.folds} folds, {len(data.test)} test"
    held = f"{len(data.validation)} validation, {len(data.test)} test"
    return f"rows {data.training_rows} training, {held}"


def _weights(data: Data) -> list[str]:
    """Where weights count, if there are any."""
    parts = {"training": data.train, "validation": data.validation, "test": data.test}
    weighted = [name for name, part in parts.items() if part.weights is not None]
    if data.outputs.axes and weighted:
        return [_weights_of_places(data, parts)]
    if len(weighted) == len(parts):
        return ["weights count in losses, not in other metrics"]
    return [f"weights count in the {' and '.join(weighted)} loss alone"] if weighted else []


def _weights_of_places(data: Data, parts: Mapping[str, Part]) -> str:
    """How many places of all do not count, and where else weights do."""
    size = math.prod(data.outputs.axes)
    idle = sum(
        size * len(part) - len(target_axes.counted(part.y, part.weights)) for part in parts.values()
    )
    share = idle / (size * sum(map(len, parts.values())))
    left = f"{share:.1%} of them do not count; " if idle else ""
    return f"{left}weights count in losses, not in other metrics"


def _label(label: Any) -> str:
    """A label as it is; text in quotes, as it may end in spaces."""
    return quoted(label, _SHOWN)


def _first_few(named: list[str], most: int) -> str:
    return ", ".join([*named[:most], *(["..."] if len(named) > most else [])])


def _shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _count(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else _PLURALS.get(what, f'{what}s')}"
