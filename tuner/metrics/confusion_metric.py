"""Metrics of how often each class is taken for itself and for others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops

from search_spaces.shapes import Outputs

HALF = 0.5


class Confusion(keras.metrics.Metric):
    """What scikit-learn makes of predicted classes: of two, those of the second one.

    Of more, and of labels, precision, recall and F1 are the means of each against the others
    (macro). A class or label is predicted where it is the most probable one, or above one half.

    Args:
        measure: One of ``MEASURES``.
        outputs: Classification.
    """

    def __init__(self, measure: str, outputs: Outputs) -> None:
        super().__init__(name=measure, dtype="float64")  # counts whole up to 2**53
        self._measure, self._task, self._units = self.MEASURES[measure], outputs.task, outputs.units
        self.found = self._counts("found")
        self.predicted = self._counts("predicted")
        self.there = self._counts("there")
        self.rows = self.add_variable((), "zeros", name="rows")

    def _counts(self, name: str) -> Any:
        return self.add_variable((self._units,), "zeros", name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes rows into account.

        Args:
            y_true: 1 where a row has a class or label, else 0, ``(rows, units)``.
            y_pred: Probabilities, ``(rows, units)``.
        """
        there, predicted = y_true > HALF, y_pred > HALF
        if self._task == "classes":
            predicted = ops.one_hot(ops.argmax(y_pred, axis=-1), self._units, dtype="bool")
        for counts, which in (
            (self.found, ops.logical_and(there, predicted)),
            (self.predicted, predicted),
            (self.there, there),
        ):
            counts.assign(counts + ops.sum(ops.cast(which, counts.dtype), axis=0))
        self.rows.assign(self.rows + ops.cast(ops.shape(y_true)[0], self.rows.dtype))

    def result(self) -> Any:
        return self._measure(self)

    @property
    def missing(self) -> Any:
        """Rows that are neither in a class nor taken for it, by class."""
        return self.rows - self.there - self.predicted + self.found

    def mean(self, values: Any) -> Any:
        """The mean over the classes that were there or predicted; over all labels."""
        counted = ops.ones_like(values)
        if self._task == "classes":
            counted = ops.cast(self.there + self.predicted > 0, values.dtype)
        return ops.divide_no_nan(ops.sum(values * counted), ops.sum(counted))

    def recalls(self) -> Any:
        """The share of each class that was found."""
        return ops.divide_no_nan(self.found, self.there)

    def balanced(self) -> Any:
        """The mean recall of the classes that were there; of two classes of both."""
        if self._task == "binary":
            absent = self.rows - self.there
            recalls = ops.concatenate(
                [self.recalls(), ops.divide_no_nan(self.missing, absent)], axis=0
            )
            there = ops.concatenate([self.there, absent], axis=0)
        else:
            recalls, there = self.recalls(), self.there
        return ops.divide_no_nan(ops.sum(recalls), ops.sum(ops.cast(there > 0, recalls.dtype)))

    def mean_iou(self) -> Any:
        """The mean share that is right of what is in a class or taken for it, of each class.

        Of two classes it is the mean of both.
        """
        union = self.there + self.predicted - self.found
        if self._task != "binary":
            return self.mean(ops.divide_no_nan(self.found, union))
        wrong = union - self.found
        right = ops.concatenate([self.found, self.missing], axis=0)
        shares = ops.divide_no_nan(right, right + wrong)
        return ops.divide_no_nan(ops.sum(shares), ops.sum(ops.cast(right + wrong > 0, right.dtype)))

    MEASURES: ClassVar[dict[str, Callable[[Confusion], Any]]] = {
        "precision": lambda c: c.mean(ops.divide_no_nan(c.found, c.predicted)),
        "recall": lambda c: c.mean(c.recalls()),
        "f1": lambda c: c.mean(ops.divide_no_nan(2 * c.found, c.there + c.predicted)),
        "iou": lambda c: ops.sum(ops.divide_no_nan(c.found, c.there + c.predicted - c.found)),
        "mean_iou": lambda c: c.mean_iou(),
        "balanced_accuracy": lambda c: c.balanced(),
        "true_positives": lambda c: ops.sum(c.found),
        "false_positives": lambda c: ops.sum(c.predicted - c.found),
        "false_negatives": lambda c: ops.sum(c.there - c.found),
        "true_negatives": lambda c: ops.sum(c.missing),
    }
