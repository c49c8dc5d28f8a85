"""What a metric is: what it can be measured of, which way it is better, how Keras computes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

    from search_spaces.shapes import Outputs

BINARY, CLASSES, LABELS, NUMBERS = "binary", "classes", "labels", "regression"
SORTS = (BINARY, CLASSES, LABELS)
ALL = (*SORTS, NUMBERS)

OfRows = Callable[[Any, Any], Any]  # targets and answers (rows, units); gives a number for each row


@dataclass(frozen=True)
class Need:
    """What targets have to be.

    Attributes:
        wrong: Which of them are not.
        text: What they have to be, in words.
    """

    wrong: Callable[[NDArray[Any]], NDArray[np.bool_]]
    text: str


NOT_NEGATIVE = Need(lambda y: y < 0, "0 or more")
NOT_ZERO = Need(lambda y: y == 0, "numbers other than 0")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric that equals what scikit-learn measures on the same predictions.

    Attributes:
        tasks: That it fits.
        higher: Whether higher is better.
        make: Returns a metric of Keras, which is given targets and answers ``(rows, units)`` in the
            unit of the targets; of classes, targets are 0 and 1. Keras is imported here at the
            earliest.
        also: How else it is called; capitals and underscores do not count.
        several: Whether it takes several targets at once to say anything.
        power: Of the targets' unit that it is told in: 2 for its square, 0 without a unit.
        of_differences: Whether it stays the same where targets and answers are moved alike. They
            then come without their centre, which would round the differences.
        targets: What the targets of a regression have to be.
        every_class: Whether it takes validation rows with and without each class.
    """

    tasks: tuple[str, ...]
    higher: bool
    make: Callable[[Outputs], keras.metrics.Metric]
    also: tuple[str, ...] = ()
    several: bool = False
    power: int = 0
    of_differences: bool = False
    targets: Need | None = None
    every_class: bool = False

    def fits(self, task: str, units: int) -> bool:
        """Whether it can be measured for a task with so many targets."""
        return task in self.tasks and not (self.several and units == 1)


def mean_of(formula: str | OfRows) -> Callable[[Outputs], keras.metrics.Metric]:
    """Returns what makes a metric that is the mean of a number for each row.

    Args:
        formula: A function, or the name of one in ``keras.losses``.
    """

    def make(outputs: Outputs) -> keras.metrics.Metric:
        import keras

        of_rows = getattr(keras.losses, formula) if isinstance(formula, str) else formula
        return keras.metrics.MeanMetricWrapper(of_rows)

    return make
