"""The losses that a trial may name: Keras's, and the user's own in a file.

Each but the usual one of its task is given targets in the shape of the model's answers: classes as
rows of zeros and a one. Of a regression, those that are the same of scaled targets but for a factor
(``tuner.training.unscaled_targets.POWERS``) are computed of these, which is how models learn well;
all others, and the user's own, of targets and answers in their own unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from search_spaces.parameters.loss_choice import USUAL
from search_spaces.shapes import Outputs, shown_task
from search_spaces.user_code.source_files import file_of, short_name
from tuner.errors import UserError, one_line
from tuner.training import unscaled_targets, user_functions
from tuner.training.multi_output_losses import SumOfLosses

RowLoss = Callable[[Any, Any], Any]
Bring = Callable[[Any, Outputs], Any]  # scaled values of some outputs to another unit


class TaskLoss(keras.losses.Loss):
    """A loss over targets in the shape of the answers.

    Args:
        function: Of targets and answers ``(rows, units)``; gives the loss of each row, or of all.
        bring: Brings scaled values to the unit it is given them in, see
            ``tuner.training.unscaled_targets``; None leaves them as they are.

    Attributes:
        outputs: The head whose answers it is computed from.
    """

    def __init__(
        self, function: RowLoss, outputs: Outputs, name: str, *, bring: Bring | None = None
    ) -> None:
        super().__init__(name=name)
        self.function, self.outputs, self._bring = function, outputs, bring

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_true, computed = shaped(y_true, y_pred, self.outputs), y_pred
        if self._bring is not None:
            y_true, computed = (self._bring(values, self.outputs) for values in (y_true, y_pred))
        return keras.ops.cast(self.function(y_true, computed), y_pred.dtype)

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
        bring = None if name in unscaled_targets.POWERS else unscaled_targets.exact
        return _made(_of_keras(name), outputs, name, bring)
    found = user_functions.load(
        name, "a function (y_true, y_pred) or a subclass of keras.losses.Loss"
    )
    return _made(found, outputs, short_name(name), unscaled_targets.own)


def _of_keras(name: str) -> RowLoss:
    found: RowLoss = _poisson if name == "poisson" else keras.losses.get(name)
    return found


def _poisson(y_true: Any, y_pred: Any) -> Any:
    """Keras's, which is no number where an answer is below 0, as those of a linear head may be."""
    return keras.losses.poisson(y_true, keras.ops.maximum(y_pred, keras.config.epsilon()))


def check_loss(name: str, outputs: Outputs) -> None:
    """Computes a loss of the user's own once, as a trial would.

    Raises:
        SpaceError: It cannot be loaded.
        UserError: It cannot be computed, or is no number.
    """
    rows = 2 * outputs.units + 3
    y = np.arange(rows) % max(2, outputs.units)
    answers = np.full((rows, outputs.units), 0.5, np.float32)
    loss = keras.losses.get(named(name, outputs))
    try:
        value = np.asarray(loss(y if outputs.task in ("classes", "binary") else answers, answers))
    except Exception as e:
        raise UserError(
            f"Expected a loss that can be computed for the task {shown_task(outputs.task)!r}. "
            f"Received: {name} ({one_line(e)})."
        ) from e
    if value.shape or not np.isfinite(value):
        raise UserError(f"Expected a loss that is a number. Received: {name}, which is {value}.")


@lru_cache(maxsize=64)
def _made(found: Callable[..., Any], outputs: Outputs, name: str, bring: Bring | None) -> TaskLoss:
    function = found().call if isinstance(found, type) else found
    return TaskLoss(function, outputs, name, bring=bring)
