"""Which task a data set is, found from its targets, and how targets become what a loss takes.

The rule, for targets of shape ``(rows,)``:

- Text and booleans are class labels.
- Whole numbers (integers, or floats without a fraction) are class labels when they are few: at
  most ``FEW_LABELS`` distinct values. Integers are so, too, when they count 0, 1, 2, ... without a
  gap up to ``MOST_LABELS``, the way label encoders and Keras's own sets write labels.
- In both cases each label must stand in two rows on average, else it measures rather than names.
- Everything else is a regression, and so are targets of shape ``(rows, units)``.

Two class labels make the task ``binary``, more make it ``classes``. A task that the user gives is
never second-guessed, only refused where the targets do not fit it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from search_spaces.shapes import Task
from tuner.datasets.errors import DataError

FEW_LABELS = 20
MOST_LABELS = 1000

_ROWS_PER_LABEL = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """What is predicted.

    Attributes:
        task: What the head and the loss of a model are chosen by.
        units: Numbers predicted for each row: the classes, or the columns of a regression.
        classes: The distinct labels in sorted order, whose positions are trained on; None for
            a regression.
    """

    task: Task
    units: int
    classes: NDArray[Any] | None

    @property
    def labels(self) -> tuple[Any, ...] | None:
        """The classes as Python values, None for a regression."""
        return None if self.classes is None else tuple(self.classes.tolist())

    def encode(self, y: NDArray[Any]) -> NDArray[Any]:
        """Returns positions in ``classes`` as int32 ``(rows,)``, or the numbers as float32."""
        if self.classes is None:
            return np.ascontiguousarray(y, dtype=np.float32)
        return np.searchsorted(self.classes, y).astype(np.int32)


def find(parts: Sequence[NDArray[Any]], given: str | None, source: str) -> Targets:
    """Returns the task of targets that were checked.

    Args:
        parts: The targets of each part, ``(rows,)`` or ``(rows, units)``.
        given: The task that the user gave, or None to find it.
        source: Where the targets come from, for messages.

    Raises:
        DataError: All targets are equal, or do not fit the given task.
    """
    y = np.concatenate(parts)
    if y.ndim == 2:
        return _several_numbers(y, given, source)
    distinct = np.unique(y)
    if len(distinct) < 2:
        raise DataError(
            f"{source}: expected at least two different targets. "
            f"Received: {distinct[0].item()!r} in every row: there is nothing to learn."
        )
    task = cast(Task, given) if given else guess(distinct, len(y))
    if task == "regression":
        _check_numbers(distinct, source)
        return Targets(task=task, units=1, classes=None)
    _check_labels(distinct, task, source)
    return Targets(task=task, units=1 if task == "binary" else len(distinct), classes=distinct)


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
    if not _are_whole(distinct) or rows < _ROWS_PER_LABEL * len(distinct):
        return False
    return len(distinct) <= FEW_LABELS or _count_from_zero(distinct)


def _are_whole(numbers: NDArray[Any]) -> bool:
    return numbers.dtype.kind in "ui" or bool((numbers == np.floor(numbers)).all())


def _count_from_zero(distinct: NDArray[Any]) -> bool:
    if distinct.dtype.kind not in "ui" or len(distinct) > MOST_LABELS:
        return False
    return bool(distinct[0] == 0 and distinct[-1] == len(distinct) - 1)


def _check_numbers(distinct: NDArray[Any], source: str) -> None:
    if distinct.dtype.kind in "Ub":
        raise DataError(
            f"{source}: expected numbers as targets of a regression. "
            f"Received: labels such as {distinct[0].item()!r}: give numbers or another task."
        )


def _check_labels(distinct: NDArray[Any], task: str, source: str) -> None:
    if distinct.dtype.kind == "f" and not _are_whole(distinct):
        fraction = distinct[distinct != np.floor(distinct)][0].item()
        raise DataError(
            f"{source}: expected class labels for the task {task}. "
            f"Received: numbers with fractions such as {fraction!r}: give the task regression."
        )
    if task == "binary" and len(distinct) != 2:
        shown = ", ".join(repr(label) for label in distinct[:4].tolist())
        raise DataError(
            f"{source}: expected two labels for the task binary. "
            f"Received: {len(distinct)} ({shown}, ...): give the task classes."
        )


def _several_numbers(y: NDArray[Any], given: str | None, source: str) -> Targets:
    """One label a row is wanted, so a table of 0 and 1 is refused unless called a regression."""
    if given not in (None, "regression") or y.dtype.kind in "Ub":
        raise DataError(
            f"{source}: expected one label for each row. Received: targets of shape {y.shape}: "
            "y.argmax(axis=1) makes labels of one-hot rows."
        )
    if given is None and np.isin(y, (0, 1)).all():
        raise DataError(
            f"{source}: expected one label for each row. "
            f"Received: targets of shape {y.shape} holding only 0 and 1: y.argmax(axis=1) makes "
            "labels of one-hot rows, and the task regression takes them as numbers."
        )
    if (y == y[0]).all():
        raise DataError(
            f"{source}: expected at least two different targets. "
            f"Received: {y[0].tolist()} in every row: there is nothing to learn."
        )
    return Targets(task="regression", units=y.shape[1], classes=None)
