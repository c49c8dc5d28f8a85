"""The losses that a trial may name: Keras's, and the user's own in a file.

Each but the usual one of its task is given targets in the shape of the model's answers: classes as
rows of zeros and a one. Of a regression, those that are the same of scaled targets but for a factor
(``tuner.training.unscaled_targets.POWERS``) are computed of these, which is how models learn well;
all others, and the user's own, of targets and answers in their own unit.

A loss of the user's own is a function ``(y_true, y_pred)``, whose further arguments have defaults;
or it is made: of a class, or by a function that returns one of both. Its arguments are parameters,
see ``search_spaces.loss_parameters``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache, partial
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from search_spaces import loss_parameters
from search_spaces.parameters.literals import format_value
from search_spaces.parameters.loss_choice import USUAL
from search_spaces.shapes import Outputs, shown_task
from search_spaces.user_code.source_files import file_of, short_name
from tuner.errors import UserError, one_line, shorten
from tuner.training import unscaled_targets, user_functions
from tuner.training.multi_output_losses import SumOfLosses

SMOOTHING = loss_parameters.LABEL_SMOOTHING
MEAN = "sum_over_batch_size"  # as Keras calls it
RowLoss = Callable[[Any, Any], Any]
Bring = Callable[[Any, Outputs], Any]  # scaled values of some outputs to another unit


class TaskLoss(keras.losses.Loss):
    """A loss over targets in the shape of the answers.

    Args:
        function: Of targets and answers ``(rows, units)``; gives the loss of each row, or of all.
        bring: Brings scaled values to the unit it is given them in, see
            ``tuner.training.unscaled_targets``; None leaves them as they are.
        reduction: How Keras makes one number of those of the rows; by default it is their mean.
        values: Further arguments of the function, by name.
        kind: The same loss of other values, which is one object for all of them; by default this.

    Attributes:
        outputs: The head whose answers it is computed from.
        values: The same.
        kind: The same. The shared graph, which reads values as numbers, traces it once.
    """

    def __init__(
        self,
        function: RowLoss,
        outputs: Outputs,
        name: str,
        *,
        bring: Bring | None = None,
        reduction: str = MEAN,
        values: Mapping[str, Any] = MappingProxyType({}),
        kind: TaskLoss | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction)
        self.function, self.outputs, self._bring = function, outputs, bring
        self.values, self.kind = dict(values), kind or self

    def with_values(self, values: Mapping[str, Any]) -> TaskLoss:
        """Returns the loss of this kind with these values of its function's arguments."""
        return TaskLoss(
            self.function,
            self.outputs,
            self.name,
            bring=self._bring,
            reduction=self.reduction,
            values=values,
            kind=self,
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.compute(y_true, y_pred, self.values)

    def compute(self, y_true: Any, y_pred: Any, values: Mapping[str, Any]) -> Any:
        """The loss with other values than its own, which may be tensors."""
        y_true, computed = shaped(y_true, y_pred, self.outputs), y_pred
        if self._bring is not None:
            y_true, computed = (self._bring(values, self.outputs) for values in (y_true, y_pred))
        return keras.ops.cast(self.function(y_true, computed, **values), y_pred.dtype)

    @property
    def is_of_rows(self) -> bool:
        """Whether it is the mean of one number for each row."""
        return self._rank == 1 and self.reduction == MEAN

    @property
    def is_of_batch(self) -> bool:
        """Whether no number of it is of one row, or of one place where rows have places."""
        return self._rank not in (None, 1 + len(self.outputs.axes))

    @cached_property
    def _rank(self) -> int | None:
        answers = tf.TensorSpec([None, *self.outputs.shape], tf.float32)
        traced = tf.function(partial(self.function, **self.values), autograph=False)
        try:
            shape = traced.get_concrete_function(answers, answers).output_shapes
        except Exception:  # what is wrong with it, training will say
            return None
        return None if shape.rank is None else int(shape.rank)


def shaped(y_true: Any, y_pred: Any, outputs: Outputs) -> Any:
    """Returns targets in the shape and dtype of the answers ``(rows, *axes, units)``."""
    if outputs.task == "classes" and outputs.axes:
        labels = keras.ops.cast(keras.ops.squeeze(y_true, axis=-1), "int32")
        return keras.ops.one_hot(labels, outputs.units, dtype=y_pred.dtype)
    if outputs.task == "classes":
        labels = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        return keras.ops.one_hot(labels, outputs.units, dtype=y_pred.dtype)
    return keras.ops.reshape(keras.ops.cast(y_true, y_pred.dtype), keras.ops.shape(y_pred))


def loss_of(hyperparameters: Mapping[str, Any], outputs: Outputs) -> str | keras.losses.Loss:
    """The loss that hyperparameters name, as ``compile`` takes it; of several outputs the sum."""
    if outputs.heads is not None:
        return SumOfLosses(outputs, weights=loss_parameters.weights_of(hyperparameters))
    name = hyperparameters.get("loss", USUAL)
    return named(name, outputs, loss_parameters.arguments_of(hyperparameters, name))


def named(
    name: str, outputs: Outputs, arguments: Mapping[str, Any] = MappingProxyType({})
) -> str | TaskLoss:
    """A loss by name; the same object for equal names and arguments, whose traces can be shared.

    Raises:
        SpaceError: It names no function or class of a file.
        UserError: It cannot be made with these arguments.
    """
    if file_of(name) is not None:
        expected = "a function (y_true, y_pred) or a subclass of keras.losses.Loss"
        found = user_functions.load(name, expected)
        return _of_user(found, outputs, short_name(name), tuple(sorted(arguments.items())))
    if not arguments.get(SMOOTHING, True):  # none at all, which is stabler without
        arguments = {n: value for n, value in arguments.items() if n != SMOOTHING}
    if name in (USUAL, outputs.loss) and not arguments:
        return outputs.loss
    loss = _of_keras(outputs.loss if name == USUAL else name, outputs, tuple(sorted(arguments)))
    return loss.with_values(arguments) if arguments else loss


@lru_cache(maxsize=64)
def _of_keras(name: str, outputs: Outputs, arguments: tuple[str, ...]) -> TaskLoss:
    """A loss of Keras that is given these arguments; one object for all values of them."""
    function: RowLoss = keras.losses.get(name.removeprefix("sparse_") if arguments else name)
    if name == "poisson":
        function = _poisson
    if name == "binary_focal_crossentropy" and "alpha" in arguments:
        balancing = {"apply_class_balancing": True}  # without which it has none
        function = partial(function, **balancing)
    if SMOOTHING in arguments:
        function = partial(_smoothed, function, outputs.units if outputs.task == "classes" else 2)
    bring = None if name in unscaled_targets.POWERS else unscaled_targets.exact
    return TaskLoss(function, outputs, name, bring=bring)


def _smoothed(
    function: RowLoss,
    count: int,
    y_true: Any,
    y_pred: Any,
    label_smoothing: Any,
    **values: Any,
) -> Any:
    """As Keras smooths targets, here by a share that may be a tensor as well."""
    return function(y_true * (1 - label_smoothing) + label_smoothing / count, y_pred, **values)


def _poisson(y_true: Any, y_pred: Any) -> Any:
    """Keras's, which is no number where an answer is below 0, as those of a linear head may be."""
    return keras.losses.poisson(y_true, keras.ops.maximum(y_pred, keras.config.epsilon()))


@lru_cache(maxsize=64)
def _of_user(
    found: Callable[..., Any], outputs: Outputs, name: str, arguments: tuple[tuple[str, Any], ...]
) -> TaskLoss:
    function, reduction = _function_of(found, dict(arguments))
    return TaskLoss(function, outputs, name, bring=unscaled_targets.own, reduction=reduction)


def _function_of(found: Callable[..., Any], arguments: Mapping[str, Any]) -> tuple[RowLoss, str]:
    """The function of rows that a name in a file means, and how Keras reduces what it gives."""
    if not isinstance(found, type) and _is_of_rows(found, arguments):
        return partial(found, **arguments) if arguments else found, MEAN
    try:
        loss = found(**arguments)
    except Exception as e:
        raise UserError(
            f"Expected {found.__name__} to make a loss of {shown_arguments(arguments)}. Received: "
            f"{one_line(e)}: give its arguments with --set loss.NAME=VALUES."
        ) from e
    loss = loss() if isinstance(loss, type) else loss
    if not callable(loss):
        raise UserError(
            f"Expected {found.__name__} to return a function (y_true, y_pred) or a "
            f"keras.losses.Loss. Received: {shorten(repr(loss), 60)}."
        )
    return (loss.call, loss.reduction) if isinstance(loss, keras.losses.Loss) else (loss, MEAN)


def _is_of_rows(function: Callable[..., Any], arguments: Mapping[str, Any]) -> bool:
    """Whether it takes targets and answers; else it makes what does."""
    try:
        places = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of code that is not Python
        return True
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p.name for p in places if p.kind in kinds and p.default is p.empty]
    anything = any(p.kind is p.VAR_POSITIONAL for p in places)
    return (len(required) == 2 or anything) and not set(required) & arguments.keys()


def shown_arguments(arguments: Mapping[str, Any]) -> str:
    """Returns ``gamma=2.0, alpha=0.25``, or ``no arguments``."""
    values = (f"{name}={format_value(value)}" for name, value in arguments.items())
    return shorten(", ".join(values), 60) or "no arguments"


def check_loss(
    name: str,
    outputs: Outputs,
    arguments: Mapping[str, Any] = MappingProxyType({}),
) -> bool:
    """Computes a loss of the user's own once, as a trial would.

    Args:
        arguments: Of the loss, by the names that it has.

    Returns:
        Whether it is one number for a whole batch, in which no row has a part.

    Raises:
        SpaceError: It cannot be loaded.
        UserError: It cannot be made or computed, or is no number.
    """
    rows = 2 * outputs.units + 3
    answers = np.full((rows, *outputs.shape), 0.5, np.float32)
    columns = (*outputs.axes, outputs.columns) if outputs.axes else ()
    y = np.arange(rows * math.prod(columns)).reshape(rows, *columns) % max(2, outputs.units)
    made = named(name, outputs, arguments)
    loss = keras.losses.get(made)
    try:
        value = np.asarray(loss(y if outputs.task in ("classes", "binary") else answers, answers))
    except Exception as e:
        raise UserError(
            f"Expected a loss that can be computed for the task {shown_task(outputs.task)!r}. "
            f"Received: {name} ({one_line(e)})."
        ) from e
    if value.shape or not np.isfinite(value):
        raise UserError(f"Expected a loss that is a number. Received: {name}, which is {value}.")
    return isinstance(made, TaskLoss) and made.is_of_batch
