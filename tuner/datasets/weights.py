"""How much each row counts in the loss: weights of rows, and of classes in training.

The loss of a batch is ``sum(weight * loss of the row) / rows``, as Keras's ``sample_weight`` and
``class_weight`` mean it. Weights of rows count in every part; those of classes in training only,
where they make up for rare classes; the loss that trials are compared by does without them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.arrays import Rows
from tuner.datasets.checks import check_weights
from tuner.datasets.data import Part
from tuner.datasets.errors import DataError
from tuner.datasets.scaling import Floats
from tuner.datasets.task import Targets
from tuner.errors import did_you_mean

BALANCED = "balanced"


def of_rows(rows: Rows, indices: NDArray[np.int64], where: str) -> Floats | None:
    """Returns the weights of some rows, float32 ``(rows,)``, None where none are given.

    Raises:
        DataError: One is negative or none is above 0.
    """
    if rows.weights is None:
        return None
    return check_weights(rows.weights[indices], where).astype(np.float32)


def of_classes(
    asked: str | None, targets: Targets, y: NDArray[Any], source: str
) -> tuple[float, ...] | None:
    """Returns a weight for each class, by position; None where none were asked for.

    Args:
        asked: ``balanced``, or ``LABEL=WEIGHT`` with commas between; labels that are left out
            weigh 1.
        y: Positions of the classes of the training rows ``(rows,)``.

    Raises:
        DataError: There are no classes, a label is none of them, or a weight is negative.
    """
    if asked is None:
        return None
    if targets.labels is None:
        raise DataError(
            f"{source}: expected class weights with classes only. Received: the task "
            f"{targets.task}: leave --class-weights out."
        )
    if asked == BALANCED:  # as scikit-learn: rows / (classes * rows of the class)
        counts = np.bincount(y, minlength=len(targets.labels))
        return tuple((len(y) / (len(counts) * counts)).tolist())
    typed = _typed(asked)
    labels = [str(label) for label in targets.labels]
    for label in typed.keys() - set(labels):
        raise DataError(
            f"{source}: expected class weights of its classes ({', '.join(labels[:8])}). "
            f"Received: {label!r}.{did_you_mean(label, labels)}"
        )
    return tuple(typed.get(label, 1.0) for label in labels)


def _typed(text: str) -> dict[str, float]:
    found = {}
    for piece in text.split(","):
        label, equals, weight = piece.strip().rpartition("=")
        try:
            found[label] = float(weight)
        except ValueError:
            equals = ""
        if not equals or not 0 <= found[label] < np.inf:
            raise DataError(
                f"Expected class weights such as {BALANCED} or yes=5,no=1, each 0 or more. "
                f"Received: {piece.strip()!r}."
            )
    return found


def for_training(
    weights: Floats | None, classes: tuple[float, ...] | None, y: NDArray[Any]
) -> Floats | None:
    """Returns what training rows weigh: their own weights times those of their classes."""
    if classes is None:
        return weights
    of_class = np.asarray(classes, np.float32)[y]
    return of_class if weights is None else weights * of_class


def join(train: Part, more: Part, classes: tuple[float, ...] | None) -> Part:
    """Returns the training rows with those of another part behind them."""
    weights = [train.weights, for_training(more.weights, classes, more.y)]
    known = [
        np.ones(len(part), np.float32) if array is None else array
        for part, array in zip((train, more), weights, strict=True)
    ]
    return Part(
        x=np.concatenate([train.x, more.x]),
        y=np.concatenate([train.y, more.y]),
        weights=None if all(array is None for array in weights) else np.concatenate(known),
    )
