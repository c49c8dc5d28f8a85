"""How good predictions are: the loss, and what scikit-learn measures for the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import multi_output, target_axes

if TYPE_CHECKING:
    from tuner.datasets import Data

Floats = NDArray[np.floating[Any]]
Answers = Floats | Mapping[str, Floats]  # of several outputs by their names
HALF = 0.5
MACRO = "macro"  # means over classes or labels, as scikit-learn calls them
BINARY = "binary"  # of the second of two classes, likewise
MEANS = ("precision", "recall", "f1")  # what is one
EPSILON = 1e-7  # Keras keeps probabilities so far from 0 and 1 before it takes their logarithm


def score(data: Data, part: str, answers: Answers) -> dict[str, Any]:
    """Scores the answers of a model that takes raw rows.

    Args:
        part: ``validation`` or ``test``.
        answers: To the rows ``data.raw(part)``, ``(rows, outputs)``: probabilities, or values in
            the unit of the raw targets; of several outputs those of each.

    Of places (pixels, steps) each counts as a row, but those that weigh nothing.

    Returns:
        ``loss``, the usual one of the task (for a regression in ``data.target_unit``, squared), the
        others as ``of_classes``, ``of_labels`` and ``of_regression`` say. Of several outputs
        ``outputs``: these of each by its name; their losses have no unit together.
    """
    if isinstance(answers, Mapping):
        each = {
            name: score(one, part, answers[name]) for name, one in multi_output.every(data).items()
        }
        return {"outputs": each}
    rows = {"train": data.train, "validation": data.validation, "test": data.test}[part]
    expected, weights = rows.y, rows.weights
    if data.outputs.axes:
        expected, answers, weights = _of_places(expected, answers, rows.weights)
    if data.classes is not None:
        binary = data.outputs.task == BINARY
        probable = probabilities(answers)
        if not data.outputs.axes:
            return of_classes(expected, probable, data.classes, weights, binary=binary)
        scores = of_classes(expected[:, 0], probable, data.classes, weights, binary=binary)
        return {**scores, **intersections(scores, binary=binary)}
    if data.outputs.task == "labels":
        return of_labels(expected, answers, data.targets or (), weights)
    raw, unit, scaler = data.raw_targets(part), data.outputs.unit, data.target_scaler
    if data.outputs.axes:
        raw = target_axes.counted(raw, rows.weights)
    values = answers.reshape(expected.shape).astype(np.float64)
    if unit is not None and unit.of_loss:
        errors = values - raw
    else:
        scaled = values if scaler is None else scaler.transform(values)
        errors = scaled.astype(np.float64) - expected
    squares = np.square(errors).reshape(len(expected), -1)
    loss = _mean(squares.mean(axis=1), weights)
    return {"loss": loss, **of_regression(raw, values, data.targets)}


def _of_places(
    expected: NDArray[Any], answers: Floats, weights: Floats | None
) -> tuple[NDArray[Any], Floats, Floats | None]:
    """Targets and answers of places that count ``(places, ...)``, and their weights."""
    places = target_axes.counted(expected, weights)
    kept = target_axes.counted(answers, weights)
    if weights is None:
        return places, kept, None
    of_place = np.broadcast_to(weights, expected.shape[:-1])[..., None]
    of_kept = target_axes.counted(of_place, weights)[:, 0]
    return places, kept, of_kept / of_kept.mean()


def intersections(scores: Mapping[str, Any], *, binary: bool) -> dict[str, Any]:
    """Returns ``mean_iou`` over the classes that are there or predicted, and ``iou`` of each.

    Args:
        scores: Of classes, with their ``confusion``.
        binary: Whether the second of two classes has an ``iou`` of its own.
    """
    confusion = np.array(scores["confusion"])
    right = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - right
    iou = right / np.maximum(union, 1)
    classes = [
        {**row, "iou": float(of_class)}
        for row, of_class in zip(scores["classes"], iou, strict=True)
    ]
    of_second = {"iou": float(iou[1])} if binary else {}
    return {**of_second, "mean_iou": float(iou[union > 0].mean()), "classes": classes}


def spelt(scores: Mapping[str, Any]) -> dict[str, float | None]:
    """The single numbers among some scores, by names that say which are means over classes."""
    of_means = MEANS if scores.get("average") == MACRO else ()
    return {
        f"{name.removesuffix(f'_{MACRO}')} ({MACRO})"
        if name in of_means or name.endswith(f"_{MACRO}")
        else name: value
        for name, value in scores.items()
        if value is None or isinstance(value, float)
    }


def probabilities(answers: Floats) -> Floats:
    """Probabilities of all classes ``(..., classes)``; a binary model answers with the second."""
    if answers.shape[-1] > 1:
        return answers
    return np.concatenate([1 - answers, answers], axis=-1)


def of_classes(
    expected: NDArray[Any],
    probable: Floats,
    classes: tuple[Any, ...],
    weights: Floats | None = None,
    *,
    binary: bool = False,
) -> dict[str, Any]:
    """Scores probabilities.

    Args:
        expected: Positions of the true classes ``(rows,)``.
        probable: ``(rows, classes)``.
        classes: Labels by position.
        weights: How much rows count in the loss ``(rows,)``; the others do without them.
        binary: Whether the task is to tell the second of two classes from the first.

    Returns:
        ``loss`` (cross-entropy), ``accuracy``; ``precision``, ``recall`` and ``f1``, each the mean
        over the classes that are there or predicted (``average`` says so: macro); of a binary task
        those of the second class (binary), and the means as ``precision_macro``, ...; ``auc`` under
        the ROC curve (for more than two classes the mean of each against all others; None where a
        class has no row); ``classes`` with these for each;
        ``confusion``, true classes down, predicted ones across.
    """
    from sklearn import metrics

    chosen = probable.argmax(axis=1)
    positions = np.arange(len(classes))
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(
        expected, chosen, labels=positions, zero_division=0
    )
    counted = np.isin(positions, np.concatenate([expected, chosen]))
    each_class = dict(zip(MEANS, (precision, recall, f1), strict=True))
    means = {name: float(values[counted].mean()) for name, values in each_class.items()}
    of_truth = np.clip(probable[np.arange(len(expected)), expected], EPSILON, 1 - EPSILON)
    return {
        "loss": _mean(-np.log(of_truth.astype(np.float64)), weights),
        "accuracy": float(metrics.accuracy_score(expected, chosen)),
        **(_of_two(each_class, means) if binary else {**means, "average": MACRO}),
        "auc": _auc(expected, probable),
        "classes": [
            {"class": label, "precision": p, "recall": r, "f1": f, "rows": n}
            for label, p, r, f, n in zip(
                classes, *(column.tolist() for column in (precision, recall, f1, rows)), strict=True
            )
        ],
        "confusion": metrics.confusion_matrix(expected, chosen, labels=positions).tolist(),
    }


def _of_two(each_class: Mapping[str, NDArray[Any]], means: Mapping[str, float]) -> dict[str, Any]:
    """Those of the second class, as metrics of these names are, and the means under other names."""
    second = {name: float(values[1]) for name, values in each_class.items()}
    return {**second, "average": BINARY, **{f"{name}_{MACRO}": means[name] for name in means}}


def of_labels(
    expected: NDArray[Any],
    probable: Floats,
    names: tuple[str, ...],
    weights: Floats | None = None,
) -> dict[str, Any]:
    """Scores probabilities of labels, of which a row may have any number.

    A label is predicted where its probability is above one half.

    Args:
        expected: 1 where a row has a label, else 0, ``(rows, labels)``.
        probable: ``(rows, labels)``.
        names: Of the labels, by position.
        weights: How much rows count in the loss ``(rows,)``; the others do without them.

    Returns:
        ``loss`` (binary cross-entropy), ``accuracy`` (over all rows and labels); ``exact``, the
        share of rows whose labels are all right; ``precision``, ``recall``, ``f1`` and ``auc``,
        each the mean over the labels (AUC is None where every row or none has a label); ``labels``
        with these for each, and the ``rows`` that have it.
    """
    from sklearn import metrics

    truth, chosen = expected > HALF, probable > HALF
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(
        truth, chosen, average=None, zero_division=0
    )
    p = np.clip(probable.astype(np.float64), EPSILON, 1 - EPSILON)
    losses = -np.where(truth, np.log(p), np.log(1 - p))
    right = truth == chosen
    aucs: list[Any] = [
        _auc(truth[:, i], np.stack([1 - p[:, i], p[:, i]], axis=1)) for i in range(len(names))
    ]
    columns = (right.mean(axis=0), precision, recall, f1)
    each = zip(names, *(column.tolist() for column in columns), aucs, rows.tolist(), strict=True)
    keys = ("label", "accuracy", "precision", "recall", "f1", "auc", "rows")
    return {
        "loss": _mean(losses.mean(axis=1), weights),
        "accuracy": float(right.mean()),
        "exact": float(right.all(axis=1).mean()),
        "precision": float(precision.mean()),
        "recall": float(recall.mean()),
        "f1": float(f1.mean()),
        "average": MACRO,
        "auc": None if None in aucs else float(np.mean(aucs)),
        "labels": [dict(zip(keys, values, strict=True)) for values in each],
    }


def _mean(losses: Floats, weights: Floats | None) -> float:
    """Over the rows, as Keras does it: weights do not change what it is divided by."""
    return float(np.mean(losses if weights is None else losses * weights))


def of_regression(
    expected: NDArray[Any], values: Floats, names: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """Scores values ``(rows,)`` or ``(rows, units)`` in the targets' own unit.

    Args:
        names: Of the targets, where they are known.

    Returns:
        ``mae``, ``rmse`` and ``r2``, of several targets the means; and ``targets`` with these for
        each, where there are several, and with its name as ``target``.
    """
    columns = expected.reshape(len(expected), -1), values.reshape(len(values), -1)
    each = [_of_target(*pair) for pair in zip(*(array.T for array in columns), strict=True)]
    means = {name: float(np.mean([target[name] for target in each])) for name in each[0]}
    if len(each) == 1:
        return means
    if names is None:
        return {**means, "targets": each}
    named = zip(names, each, strict=True)
    return {**means, "targets": [{"target": name, **scores} for name, scores in named]}


def _of_target(expected: NDArray[Any], values: Floats) -> dict[str, float]:
    from sklearn import metrics

    return {
        "mae": float(metrics.mean_absolute_error(expected, values)),
        "rmse": float(metrics.root_mean_squared_error(expected, values)),
        "r2": float(metrics.r2_score(expected, values)),
    }


def _auc(expected: NDArray[Any], probable: Floats) -> float | None:
    from sklearn import metrics

    if len(np.unique(expected)) < probable.shape[1] or not np.isfinite(probable).all():
        return None
    if probable.shape[1] == 2:
        return float(metrics.roc_auc_score(expected, probable[:, 1]))
    each = [
        metrics.roc_auc_score(expected == position, probable[:, position])
        for position in range(probable.shape[1])
    ]
    return float(np.mean(each))
