"""The losses that a trial may name: Keras's, and the user's own in a file.

Each but the usual one of its task is given targets in the shape of the model's answers: classes
as rows of zeros and a one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from search_spaces.losses import USUAL
from search_spaces.shapes import Outputs
from search_spaces.sources import file_of, short
from tuner.errors import UserError, one_line
from tuner.training import own
from tuner.training.heads import SumOfLosses

RowLoss = Callable[[Any, Any], Any]


class TaskLoss(keras.losses.Loss):
    """A loss over targets in the shape of the answers.

    Args:
        function: Of targets and answers ``(rows, units)``; gives the loss of each row, or of all.

    Attributes:
        outputs: The head whose answers it is computed from.
    """

    def __init__(self, function: RowLoss, outputs: Outputs, name: str) -> None:
        super().__init__(name=name)
        self.function, self.outputs = function, outputs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.function(shaped(y_true, y_pred, self.outputs), y_pred)

    @cached_property
    def is_of_rows(self) -> bool:
        """Whether it gives one number for each row."""
        answers = tf.TensorSpec([None, self.outputs.units], tf.float32)
        traced = tf.function(self.function, autograph=False)
        try:
            shape = traced.get_concrete_function(answers, answers).output_shapes
        except Exception:  # what is wrong with it, training will say
            return False
        return shape.rank == 1


def shaped(y_true: Any, y_pred: Any, outputs: Outputs) -> Any:
    """Returns targets in the shape and dtype of the answers ``(rows, units)``."""
    if outputs.task == "classes":
        labels = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        return keras.ops.one_hot(labels, outputs.units, dtype=y_pred.dtype)
    return keras.ops.reshape(keras.ops.cast(y_true, y_pred.dtype), keras.ops.shape(y_pred))


def loss_of(hyperparameters: Mapping[str, Any], outputs: Outputs) -> str | keras.losses.Loss:
    """The loss that hyperparameters name, as ``compile`` takes it; of several outputs the sum."""
    if outputs.heads is not None:
        return SumOfLosses(outputs)
    return named(hyperparameters.get("loss", USUAL), outputs)


def named(name: str, outputs: Outputs) -> str | TaskLoss:
    """A loss by name; the same object for equal names, whose traces can be shared.

    Raises:
        SpaceError: It names no function or class of a file.
    """
    if name in (USUAL, outputs.loss):
        return outputs.loss
    if file_of(name) is None:
        return _made(keras.losses.get(name), outputs, name)
    found = own.load(name, "a function (y_true, y_pred) or a subclass of keras.losses.Loss")
    return _made(found, outputs, short(name))


def check_loss(name: str, outputs: Outputs) -> None:
    """Computes a loss of the user's own once, as a trial would.

    Raises:
        SpaceError: It cannot be loaded.
        UserError: It cannot be computed, or is no number.
    """
    y = np.arange(4) % max(2, outputs.units)
    answers = np.full((4, outputs.units), 0.5, np.float32)
    loss = keras.losses.get(named(name, outputs))
    try:
        value = np.asarray(loss(y if outputs.task in ("classes", "binary") else answers, answers))
    except Exception as e:
        raise UserError(
            f"Expected a loss that can be computed for the task {outputs.task!r}. "
            f"Received: {name} ({one_line(e)})."
        ) from e
    if value.shape or not np.isfinite(value):
        raise UserError(f"Expected a loss that is a number. Received: {name}, which is {value}.")


@lru_cache(maxsize=64)
def _made(found: Callable[..., Any], outputs: Outputs, name: str) -> TaskLoss:
    function = found().call if isinstance(found, type) else found
    return TaskLoss(function, outputs, name)
