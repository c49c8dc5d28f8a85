"""Which task a data set is, found from its targets, and how targets become what a loss takes.

The rule, for targets of shape ``(rows,)``:

- Text and booleans are class labels.
- Whole numbers (integers, or floats without a fraction) are class labels when they are few: at
  most ``FEW_LABELS`` distinct values. Integers are so, too, when they count 0, 1, 2, ... without a
  gap up to ``MOST_LABELS``, the way label encoders and Keras's own sets write labels.
- In both cases each label must stand in two rows on average, else it measures rather than names.
- Everything else is a regression.

Two class labels make the task ``binary``, more make it ``classes``. Targets of shape
``(rows, units)`` are a regression, too, unless they hold only 0 and 1: then they are ``labels``, of
which a row has any number. Where every row has exactly one they may as well be one-hot classes, and
the task must be given.

A task that the user gives is never second-guessed, only refused where the targets do not fit it.

Several outputs (see ``tuner.datasets.multi_output``) have a task each, found by the same rule; the
task of all together is ``several``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from search_spaces.shapes import Outputs, Task, shown_task
from tuner.datasets.columns.column_names import shown
from tuner.datasets.data_spec import TASKS, by_output
from tuner.datasets.errors import DataError
from tuner.errors import quoted, shorten

FEW_LABELS = 20
MOST_LABELS = 1000

_ROWS_PER_LABEL = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """What is predicted.

    Attributes:
        task: What the head and the loss of a model are chosen by.
        units: Numbers predicted for each row: the classes, the labels, or the columns of a
            regression.
        classes: The distinct class labels in sorted order, whose positions are trained on; None
            where there are no classes.
        names: Of several targets: of labels always, by default their positions; of the columns of
            a regression where the source has them; else None.
        heads: Of several outputs, what is predicted by each, by its name.
        axes: Of the places of a row that each have such a target, see
            ``tuner.datasets.target_axes``; empty where a row has one for itself.
    """

    task: Task
    units: int
    classes: NDArray[Any] | None
    names: tuple[str, ...] | None = None
    heads: Mapping[str, Targets] | None = None
    axes: tuple[int, ...] = ()

    @property
    def outputs(self) -> Outputs:
        """What a model must give for them."""
        if self.heads is None:
            return Outputs.for_task(self.task, self.units, self.axes)
        return Outputs.for_heads({name: head.outputs for name, head in self.heads.items()})

    @property
    def spelt(self) -> str:
        """The task; of several outputs that of each: ``digit=classes,ink=regression``."""
        if self.heads is None:
            return self.task
        return ",".join(f"{name}={head.task}" for name, head in self.heads.items())

    @property
    def labels(self) -> tuple[Any, ...] | None:
        """The classes as Python values, None where there are none."""
        return None if self.classes is None else tuple(self.classes.tolist())

    def encode(self, y: NDArray[Any]) -> NDArray[Any]:
        """Positions in ``classes`` as int32 ``(rows,)``, labels as float32 ``(rows, units)``.

        Numbers of a regression come as they are: they are scaled first, and rounded afterwards.
        Those of several outputs lie side by side, float64 ``(rows, outputs.columns)``; those of
        places keep their axes, and what is none of the classes, which does not count, is 0.
        """
        if self.heads is not None:
            encoded = [head.encode(y[name]) for name, head in self.heads.items()]
            return np.column_stack(encoded).astype(np.float64)
        if self.classes is None:
            return y.astype(np.float32) if self.task == "labels" else y
        positions = np.searchsorted(self.classes, y).astype(np.int32)
        if not self.axes:
            return positions
        return np.where(self.classes.take(positions, mode="clip") == y, positions, np.int32(0))


def find(
    parts: Sequence[NDArray[Any]],
    requested: str | None,
    source: str,
    names: tuple[str, ...] | None = None,
) -> Targets:
    """Returns the task of targets that were checked.

    Args:
        parts: The targets of each part, ``(rows,)`` or ``(rows, units)``; those of several
            outputs are structured arrays ``(rows,)`` with a field for each.
        requested: The task that the user gave, or None to find it; of several outputs as
            ``DataSpec.task`` says.
        source: Where the targets come from, for messages.
        names: Of the columns ``(units,)``, where the source has them.

    Raises:
        DataError: All targets are equal, or do not fit the given task.
    """
    if parts[0].dtype.names is not None:
        return _of_heads(parts, requested, source)
    if requested is not None and "=" in requested:
        raise DataError(
            f"{source}: expected the task of a single output, {', '.join(map(shown_task, TASKS))}. "
            f"Received: {shorten(requested)}: leave the name out."
        )
    y = np.concatenate(parts)
    if y.ndim == 2:
        return _several(y, requested, source, names)
    if requested == "labels":
        raise DataError(
            f"{source}: expected targets of shape (rows, labels) for the task multilabel. "
            f"Received: {y.shape}: give several columns of 0 and 1, or another task."
        )
    distinct = np.unique(y)
    if len(distinct) < 2:
        raise DataError(
            f"{source}: expected at least two different targets. "
            f"Received: {quoted(distinct[0].item())} in every row: there is nothing to learn."
        )
    task = cast(Task, requested) if requested else guess(distinct, len(y))
    if task == "regression":
        _check_numbers(distinct, source)
        return Targets(task=task, units=1, classes=None)
    _check_labels(distinct, task, source)
    return Targets(task=task, units=1 if task == "binary" else len(distinct), classes=distinct)


def _of_heads(parts: Sequence[NDArray[Any]], requested: str | None, source: str) -> Targets:
    names = parts[0].dtype.names or ()
    tasks = {} if requested is None else by_output(requested)
    if tasks.keys() - set(names):
        raise DataError(
            f"{source}: expected a task for one of the outputs {shown(list(names))}, such as "
            f"{shorten(names[0])}=regression. Received: {shorten(requested or '')}: name the "
            "output, or leave it out."
        )
    heads = {
        name: find([part[name] for part in parts], tasks.get(name), f"{source} (y[{quoted(name)}])")
        for name in names
    }
    units = sum(head.units for head in heads.values())
    return Targets(task="several", units=units, classes=None, heads=heads)


def guess(distinct: NDArray[Any], rows: int) -> Task:
    """Returns the task by the rule at the top of this module.

    Args:
        distinct: The distinct targets in sorted order.
        rows: Number of rows that they come from.
    """
    if not _are_labels(distinct, rows):
        return "regression"
    return "binary" if len(distinct) == 2 else "classes"


def _are_labels(distinct: NDArray[Any], rows: int) -> bool:
    if distinct.dtype.kind in "Ub":
        return True
    if not are_whole(distinct) or rows < _ROWS_PER_LABEL * len(distinct):
        return False
    return len(distinct) <= FEW_LABELS or _count_from_zero(distinct)


def are_whole(numbers: NDArray[Any]) -> bool:
    """Whether numbers have no fractions."""
    return numbers.dtype.kind in "ui" or bool((numbers == np.floor(numbers)).all())


def _count_from_zero(distinct: NDArray[Any]) -> bool:
    if distinct.dtype.kind not in "ui" or len(distinct) > MOST_LABELS:
        return False
    return bool(distinct[0] == 0 and distinct[-1] == len(distinct) - 1)


def _check_numbers(distinct: NDArray[Any], source: str) -> None:
    if distinct.dtype.kind in "Ub":
        raise DataError(
            f"{source}: expected numbers as targets of a regression. "
            f"Received: labels such as {quoted(distinct[0].item())}: give numbers or another task."
        )


def _check_labels(distinct: NDArray[Any], task: str, source: str) -> None:
    if distinct.dtype.kind == "f" and not are_whole(distinct):
        fraction = distinct[distinct != np.floor(distinct)][0].item()
        raise DataError(
            f"{source}: expected class labels for the task {shown_task(task)}. "
            f"Received: numbers with fractions such as {fraction!r}: give the task regression."
        )
    if task == "binary" and len(distinct) != 2:
        few = ", ".join(quoted(label) for label in distinct[:4].tolist())
        raise DataError(
            f"{source}: expected two labels for the task binary. "
            f"Received: {len(distinct)} ({few}, ...): give the task multiclass."
        )


def _several(
    y: NDArray[Any], requested: str | None, source: str, names: tuple[str, ...] | None
) -> Targets:
    """Labels or a regression; what may be one-hot classes is refused unless the task is given."""
    if requested in ("binary", "classes"):
        raise DataError(
            f"{source}: expected one label for each row with the task {shown_task(requested)}. "
            f"Received: targets of shape {y.shape}: y.argmax(axis=1) makes labels of one-hot rows."
        )
    if y.dtype.kind == "U" or (y.dtype.kind == "b" and requested == "regression"):
        raise DataError(
            f"{source}: expected numbers as targets of shape {y.shape}. "
            f"Received: {quoted(y[0, 0].item())}: give one label for each row, or 1 for each label "
            "that a row has and 0 for the others."
        )
    if requested == "labels" or (requested is None and _are_flags(y)):
        _check_flags(y, requested, source)
        return _labels(y, source, names)
    if (y == y[0]).all():
        raise DataError(
            f"{source}: expected at least two different targets. "
            f"Received: {quoted(y[0].tolist())} in every row: there is nothing to learn."
        )
    return Targets(task="regression", units=y.shape[1], classes=None, names=names)


def _are_flags(y: NDArray[Any]) -> bool:
    return bool(np.isin(y, (0, 1)).all())


def _check_flags(y: NDArray[Any], requested: str | None, source: str) -> None:
    if not _are_flags(y):
        other = y[~np.isin(y, (0, 1))][0].item()
        raise DataError(
            f"{source}: expected 0 or 1 in every target for the task multilabel. "
            f"Received: {quoted(other)}: give 1 where a row has the label, or the task regression."
        )
    if requested is None and (y.sum(axis=1) == 1).all():
        raise DataError(
            f"{source}: expected a task with targets of 0 and 1. Received: {y.shape[1]} for each "
            "row, one of them 1: y.argmax(axis=1) makes labels of one-hot rows, the task "
            "multilabel takes them as they are, the task regression as numbers."
        )


def _labels(y: NDArray[Any], source: str, names: tuple[str, ...] | None) -> Targets:
    names = names or tuple(map(str, range(y.shape[1])))
    constant = np.flatnonzero((y == y[0]).all(axis=0))
    if len(constant):
        first = int(constant[0])
        raise DataError(
            f"{source}: expected rows with and without every label. Received: "
            f"{int(y[0, first])} in every row of label {quoted(names[first])}: leave it out."
        )
    return Targets(task="labels", units=y.shape[1], classes=None, names=names)
