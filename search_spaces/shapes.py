"""What goes into a model and what must come out of it: all that a space knows of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Task = Literal["binary", "classes", "labels", "regression", "several"]
Learns = Literal["targets", "rows"]  # what a model is taught: the targets, or the rows themselves
HeadActivation = Literal["sigmoid", "softmax", "linear"]
# What ``--task`` and messages call them, where the store has older words.
TASK_WORDS = {"classes": "multiclass", "labels": "multilabel"}


def shown_task(task: str) -> str:
    """Returns what a task is called on the command line and in messages."""
    return TASK_WORDS.get(task, task)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """One row of the data, already scaled.

    Attributes:
        shape: Of a row, without the batch axis.
        dtype: Of its values.
        vocabulary: Where values are the numbers of words, 0 for none: how many there are, so that
            each is below this. They are whole, not scaled, and exact in float32.
        shapes: Where rows have several inputs, the shape of each by its name, which is what the
            model's inputs must be called; ``shape`` is then that of all, flattened side by side.

    Examples:
        >>> images = Inputs(shape=(28, 28, 1))
        >>> pairs = Inputs(shape=(787,), shapes={"image": (28, 28), "numbers": (3,)})
        >>> pairs.shapes["numbers"]
        (3,)
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    vocabulary: int | None = None
    shapes: Mapping[str, tuple[int, ...]] | None = field(default=None, hash=False)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What brings a regression's scaled targets and answers back: ``scaled * spread + centre``.

    Attributes:
        centre: One for each number of an answer, or one for all.
        spread: Likewise, each above 0.
        of_loss: Whether a loss of scaled targets can be told in the unit of the targets: there is
            one target, and it is not the rows themselves that are learned.
    """

    centre: tuple[float, ...]
    spread: tuple[float, ...]
    of_loss: bool = True

    @property
    def size(self) -> float:
        """The mean spread."""
        return sum(self.spread) / len(self.spread)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The head that a task asks for, and the loss that fits it.

    Attributes:
        task: What is predicted; ``several`` where a model has several outputs.
        units: Numbers that a model answers a row with; where a row has places, each of them.
        axes: Of the places that a row has a target for: (height, width) of a mask or an image,
            (steps,) of a sequence; empty where it has one for itself.
        activation: Of the last layer.
        loss: As Keras names it; of several outputs it is the sum of theirs.
        heads: Where models have several outputs, the head of each by its name, which is what the
            model's outputs must be called; ``units`` is then that of all together.
        unit: What brings answers and targets of a regression back to their own unit; None where
            they are trained on as they are.
        as_trained: Whether metrics are what Keras makes of their names, on targets as they are
            trained on: so they are in studies that were made by earlier versions.

    Examples:
        >>> digits = Outputs.for_task("classes", 10)
        >>> digits.units, digits.activation, digits.loss
        (10, 'softmax', 'sparse_categorical_crossentropy')
        >>> Outputs.for_task("binary", axes=(64, 64)).shape
        (64, 64, 1)
    """

    task: Task
    units: int
    activation: HeadActivation
    loss: str
    heads: Mapping[str, Outputs] | None = field(default=None, hash=False)
    unit: Unit | None = None
    as_trained: bool = False
    axes: tuple[int, ...] = ()

    @classmethod
    def for_task(cls, task: Task, units: int = 1, axes: tuple[int, ...] = ()) -> Outputs:
        """Returns the usual head of a task.

        Args:
            task: ``binary`` (labels 0 and 1), ``classes`` (labels 0 to units - 1), ``labels``
                (units labels of which a row has any number, each 0 or 1) or ``regression``
                (float targets).
            units: numbers to predict: of classes, of labels, or of regression targets.
            axes: of the places that each have such a target.

        Raises:
            ValueError: the task is unknown or the number of units cannot be.
        """
        if task not in _HEADS:
            raise ValueError(f"Expected a task among {', '.join(_HEADS)}. Received: {task!r}.")
        fewest, most, activation, loss = _HEADS[task]
        if units < fewest or (most is not None and units > most):
            expected = f"{fewest} unit" if most == fewest else f"at least {fewest} unit(s)"
            raise ValueError(f"Expected {expected} for {task}. Received: {units}.")
        return cls(task=task, units=units, activation=activation, loss=loss, axes=axes)

    @classmethod
    def for_heads(cls, heads: Mapping[str, Outputs]) -> Outputs:
        """Returns several outputs, each with a head of its own."""
        units = sum(head.units for head in heads.values())
        return cls(task="several", units=units, activation="linear", loss="sum", heads=heads)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the answer to a row, without the batch axis."""
        return (*self.axes, self.units)

    @property
    def columns(self) -> int:
        """Numbers that a target is kept as: one for a class, whatever the classes are."""
        if self.heads is not None:
            return sum(head.columns for head in self.heads.values())
        return self.units if self.task in ("labels", "regression") else 1


# Task -> fewest units, most units, activation of the head, loss.
_HEADS: dict[str, tuple[int, int | None, HeadActivation, str]] = {
    "binary": (1, 1, "sigmoid", "binary_crossentropy"),
    "classes": (2, None, "softmax", "sparse_categorical_crossentropy"),
    "labels": (2, None, "sigmoid", "binary_crossentropy"),
    "regression": (1, None, "linear", "mse"),
}
