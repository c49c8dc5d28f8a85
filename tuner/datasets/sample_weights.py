"""How much each row counts in the loss: weights of rows, and of classes in training.

The loss of a part is the weighted mean ``sum(weight * loss of the row) / sum(weight)``, as in
scikit-learn. Keras divides by the number of rows: weights of a part have a mean of 1, so that both
are the same, whatever scale they came in. Weights of rows count in every part; those of classes in
training only, where they make up for rare classes; the loss that trials are compared by does
without them. Metrics other than losses count all rows the same, as Keras's do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.shapes import shown_task
from tuner.datasets.checks import check_weights
from tuner.datasets.columns.column_names import shown
from tuner.datasets.data_spec import CLASS_WEIGHTS, DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.prepared_data import ClassWeights, Data, Part, Selection
from tuner.datasets.scaling import Floats
from tuner.datasets.target_axes import counted
from tuner.datasets.task import Targets
from tuner.errors import did_you_mean, quoted

BALANCED = "balanced"


@dataclass(frozen=True, kw_only=True)
class Head:
    """What is predicted by one of several outputs.

    Attributes:
        labels: Of its classes by position; None where it has none.
        column: Of its targets among those of all outputs, the first one.
    """

    task: str
    labels: tuple[Any, ...] | None
    column: int


def places(heads: Mapping[str, Targets]) -> dict[str, Head]:
    """Returns several outputs, and where their targets are among those of all."""
    placed, column = {}, 0
    for name, head in heads.items():
        placed[name] = Head(task=head.task, labels=head.labels, column=column)
        column += head.outputs.columns
    return placed


def of_rows(selection: Selection, part: str, spec: DataSpec) -> NDArray[Any] | None:
    """Returns the weights of some rows as they came ``(rows,)``, None where none are given.

    Args:
        part: Whose rows they are, for messages.

    Raises:
        DataError: One is negative or none is above 0.
    """
    if selection.rows.weights is None:
        return None
    weights = selection.rows.weights[selection.indices]
    where = f"{spec.given.get(part, spec.source)} ({part})"
    return check_weights(weights, where).astype(_dtype(spec))


def _dtype(spec: DataSpec) -> type[np.floating[Any]]:
    return np.float64 if spec.weighted_mean else np.float32  # as studies of before rounded


def prepared(
    weights: NDArray[Any] | None, spec: DataSpec, heads: Mapping[str, Head] | None = None
) -> Floats | None:
    """Returns the weights of a part as losses take them: float32 with a mean of 1.

    Args:
        weights: Of rows or places; of several outputs those of each in a column of its own.
        heads: The outputs, where there are several.

    Raises:
        DataError: All are 0.
    """
    if weights is None or not spec.weighted_mean:
        return weights
    axis = None if heads is None else 0
    if not np.all(weights.any(axis=axis)):
        raise DataError(
            f"{spec.source}: expected training rows that count. Received: weights of rows and "
            "classes whose products are all 0: give some class a weight above 0."
        )
    return (weights / weights.mean(axis=axis)).astype(np.float32)


def class_weights(
    asked: str | None,
    task: str,
    labels: Sequence[Any] | None,
    heads: Mapping[str, Head] | None,
    y: NDArray[Any],
    source: str,
    *,
    option: str = "--class-weights",
) -> ClassWeights | None:
    """Returns what classes weigh in training, of several outputs those of each.

    The arguments are those of ``of_classes``, or of ``of_outputs`` where there are ``heads``.
    """
    if heads is not None:
        return of_outputs(asked, heads, y, source, option=option)
    return of_classes(asked, labels, task, y, source, option=option)


def of_classes(
    asked: str | None,
    labels: Sequence[Any] | None,
    task: str,
    y: NDArray[Any],
    source: str,
    *,
    option: str = "--class-weights",
) -> tuple[float, ...] | None:
    """Returns a weight for each class, by position; None where none were asked for.

    Args:
        asked: ``balanced``, or ``LABEL=WEIGHT`` with commas between; labels that are left out
            weigh 1.
        labels: Of the classes, by position; None where there are none.
        task: What is predicted, for messages.
        y: Positions of the classes of the training rows ``(rows,)``, or of their places.
        source: Where they come from, for messages.
        option: That they were asked for by, for messages.

    Raises:
        DataError: There are no classes, a label is none of them, or a weight is negative.
    """
    if asked is None:
        return None
    if labels is None:
        raise DataError(
            f"{source}: expected class weights with classes only. Received: the task "
            f"{shown_task(task)}: leave {option} out."
        )
    if asked == BALANCED:  # as scikit-learn: rows / (classes * rows of the class)
        counts = np.bincount(y, minlength=len(labels))
        return tuple((len(y) / (len(counts) * counts)).tolist())
    weight_of = _parse_class_weights(asked)
    names = [str(label) for label in labels]
    for label in weight_of.keys() - set(names):
        raise DataError(
            f"{source}: expected class weights of its classes ({shown(names)}). "
            f"Received: {quoted(label)}.{did_you_mean(label, names)}"
        )
    return tuple(weight_of.get(label, 1.0) for label in names)


def of_outputs(
    asked: str | None,
    heads: Mapping[str, Head],
    y: NDArray[Any],
    source: str,
    *,
    option: str = "--class-weights",
) -> tuple[tuple[float, ...] | None, ...] | None:
    """Returns the weights of the classes of each of several outputs; None if none were asked for.

    Args:
        asked: ``OUTPUT=balanced`` or ``OUTPUT:LABEL=WEIGHT``, with commas between; the rows of
            other outputs weigh the same.
        heads: Labels and task of each output, by its name.
        y: The targets of the training rows side by side ``(rows, outputs.columns)``.
        source: Where they come from, for messages.
        option: That they were asked for by, for messages.

    Raises:
        DataError: One is of no output, or as ``of_classes``.
    """
    if asked is None:
        return None
    asked_of = _by_output(asked, heads, source)
    return tuple(
        of_classes(
            asked_of.get(name),
            head.labels,
            head.task,
            y[:, head.column].astype(np.int64),
            f"{source} (y[{quoted(name)}])",
            option=option,
        )
        for name, head in heads.items()
    )


def _by_output(text: str, heads: Mapping[str, Head], source: str) -> dict[str, str]:
    """What was asked for each output, as for a single one."""
    asked_of: dict[str, list[str]] = {}
    for piece in text.split(","):
        place, _, weight = piece.strip().rpartition("=")
        output, colon, label = place.partition(":")
        if output not in heads or (weight == BALANCED) is bool(colon):
            raise DataError(
                f"{source}: expected class weights of the outputs {shown(list(heads))}, such as "
                f"{next(iter(heads))}={BALANCED} or {next(iter(heads))}:LABEL=5. "
                f"Received: {quoted(piece.strip())}."
            )
        asked_of.setdefault(output, []).append(f"{label}={weight}" if colon else weight)
    return {output: ",".join(pieces) for output, pieces in asked_of.items()}


def _parse_class_weights(text: str) -> dict[str, float]:
    weight_of = {}
    for piece in text.split(","):
        label, equals, weight = piece.strip().rpartition("=")
        try:
            weight_of[label] = float(weight)
        except ValueError:
            equals = ""
        if not equals or not 0 <= weight_of[label] < np.inf:
            raise DataError(
                f"Expected class weights such as {BALANCED} or yes=5,no=1, each 0 or more. "
                f"Received: {quoted(piece.strip())}."
            )
    return weight_of


def for_training(
    weights: NDArray[Any] | None,
    classes: ClassWeights | None,
    y: NDArray[Any],
    spec: DataSpec,
    heads: Mapping[str, Head] | None = None,
) -> NDArray[Any] | None:
    """Returns what training rows weigh: their own weights times those of their classes.

    Where rows have places, so has what they weigh: ``(rows, *axes)``.

    Args:
        heads: Of several outputs; a row then weighs in each by itself, ``(rows, outputs)``.
    """
    if classes is None:
        return weights
    if heads is None:
        of_class = np.asarray(classes, _dtype(spec))[y[..., 0] if y.ndim > 1 else y]
        return of_class if weights is None else weights * of_class
    columns = [
        np.ones(len(y), _dtype(spec))
        if of_one is None
        else np.asarray(of_one, _dtype(spec))[y[:, head.column].astype(np.int64)]
        for of_one, head in zip(classes, heads.values(), strict=True)
    ]
    of_classes_of = np.stack(columns, axis=1)
    return of_classes_of if weights is None else weights[:, None] * of_classes_of


def weigh(data: Data, asked: str, spec: DataSpec) -> Data:
    """Returns data whose training rows weigh by their class, the rows themselves being the same.

    Args:
        data: Without weights of classes.
        asked: As for ``of_classes``.

    Raises:
        DataError: As ``of_classes``.
    """
    y = data.train.y
    option = f"--set {CLASS_WEIGHTS}"
    heads = None if data.heads is None else places(data.heads)
    weights = of_rows(data.selections["train"], "train", spec)
    of_classes = counted(y, weights)[:, 0] if data.outputs.axes else y
    classes = class_weights(
        asked, data.outputs.task, data.classes, heads, of_classes, spec.source, option=option
    )
    weights = prepared(for_training(weights, classes, y, spec, heads), spec, heads)
    return dataclasses.replace(
        data, train=dataclasses.replace(data.train, weights=weights), class_weights=classes
    )


def join(data: Data, spec: DataSpec) -> Part:
    """Returns the training rows with the validation rows behind them, weighed as one part."""
    parts = {"train": data.train, "validation": data.validation}
    x, y = (np.concatenate([getattr(part, name) for part in parts.values()]) for name in "xy")
    if all(part.weights is None for part in parts.values()):
        return Part(x=x, y=y)
    weights = [of_rows(data.selections[name], name, spec) for name in parts]
    ones = (1,) * len(data.outputs.axes)
    filled = [
        np.ones((len(part), *ones), _dtype(spec)) if array is None else array
        for part, array in zip(parts.values(), weights, strict=True)
    ]
    common = np.broadcast_shapes(*(array.shape[1:] for array in filled))
    filled = [np.broadcast_to(array, (len(array), *common)) for array in filled]
    heads = None if data.heads is None else places(data.heads)
    joined = for_training(np.concatenate(filled), data.class_weights, y, spec, heads)
    return Part(x=x, y=y, weights=prepared(joined, spec, heads))
