"""The loss and the metrics of models with several outputs, as stock Keras computes them.

Targets and answers lie side by side, ``(rows, outputs.columns)`` and ``(rows, outputs.units)``: see
``tuner.datasets.multi_output``. The loss is the sum of the usual losses of all outputs, and each of
these is measured as ``NAME_loss``, by the names that Keras gives the losses and metrics of outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from search_spaces.shapes import Outputs
from tuner.errors import UserError
from tuner.metrics import UNWEIGHTED_LOSS
from tuner.training.unscaled_targets import loss_factor

LOSS = "loss"
MATRIX = 2  # axes of the weights of rows where they differ between outputs
ACCURACY = "accuracy"
# Keras would tell what accuracy means from the shapes of targets and answers.
ACCURACIES = {
    "binary": "binary_accuracy",
    "labels": "binary_accuracy",
    "classes": "sparse_categorical_accuracy",
}


class SumOfLosses(keras.losses.Loss):
    """The sum of the losses of several outputs, for each row.

    Args:
        outputs: Several.
        losses: Of each output; by default the usual ones of their tasks.
        weights: What the loss of each is multiplied by, by default 1.
    """

    def __init__(
        self,
        outputs: Outputs,
        losses: Mapping[str, str | keras.losses.Loss] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(name=outputs.loss)
        self._outputs, self._weights = outputs, weights or {}
        losses = losses or {name: head.loss for name, head in (outputs.heads or {}).items()}
        self._losses = {name: of_rows(keras.losses.get(loss)) for name, loss in losses.items()}

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if sample_weight is None or len(sample_weight.shape) < MATRIX:
            return super().__call__(y_true, y_pred, sample_weight)
        rows = self._each(y_true, y_pred).items()
        of_rows = sum(loss * of_output(sample_weight, name, self._outputs) for name, loss in rows)
        return keras.ops.mean(of_rows)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return sum(self._each(y_true, y_pred).values())

    def _each(self, y_true: Any, y_pred: Any) -> dict[str, Any]:
        """The loss of each output, times its weight."""
        targets, answers = cut(y_true, y_pred, self._outputs)
        return {
            name: loss(targets[name], answers[name]) * self._weights.get(name, 1.0)
            for name, loss in self._losses.items()
        }


def of_output(sample_weight: Any, name: str, outputs: Outputs) -> Any:
    """What rows weigh in one output ``(rows,)``; a matrix has a column for each output."""
    if len(sample_weight.shape) < MATRIX:
        return sample_weight
    if sample_weight.shape[1] == 1:
        return sample_weight[:, 0]
    return sample_weight[:, list(outputs.heads or ()).index(name)]


def of_rows(loss: Any) -> Callable[[Any, Any], Any]:
    """The function of a loss that gives one number for each row."""
    function: Callable[[Any, Any], Any] = loss.call if hasattr(loss, "call") else loss
    return function


class MeanOfLosses(keras.metrics.Mean):
    """The loss of one of several outputs, over rows as they weigh in the loss of all.

    It is in the unit of that output's targets, where they have one.

    Args:
        output: Its name.
        outputs: Several.
        loss: Of that output.
    """

    def __init__(self, output: str, outputs: Outputs, loss: str | keras.losses.Loss) -> None:
        super().__init__(name=f"{output}_{LOSS}")
        self._output, self._outputs = output, outputs
        self._loss = of_rows(keras.losses.get(loss))
        name = loss if isinstance(loss, str) else getattr(loss, "name", "own")
        self._factor = loss_factor({"loss": name}, (outputs.heads or {})[output])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        targets, answers = cut(y_true, y_pred, self._outputs)
        losses = self._loss(targets[self._output], answers[self._output]) * self._factor
        losses = losses + tf.zeros(tf.shape(y_pred)[:1], losses.dtype)  # of a whole batch: its rows
        if sample_weight is not None:  # which does not change what losses are divided by
            losses = losses * of_output(sample_weight, self._output, self._outputs)
        super().update_state(losses)


class UnweightedLoss(keras.metrics.Mean):
    """The sum of the usual losses of all outputs, whatever trials multiply them with.

    All rows count the same, as they do in every metric.

    Args:
        outputs: Several.
    """

    def __init__(self, outputs: Outputs) -> None:
        super().__init__(name=UNWEIGHTED_LOSS)
        self._loss = SumOfLosses(outputs)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(self._loss.call(y_true, y_pred))


class OutputMetric(keras.metrics.Metric):
    """A metric of one of several outputs.

    Args:
        metric: As Keras measures it on that output alone.
        output: Its name.
        outputs: Several.
        name: Of the metric among those of all outputs.
    """

    def __init__(
        self, metric: keras.metrics.Metric, output: str, outputs: Outputs, name: str
    ) -> None:
        super().__init__(name=name)
        self._metric, self._output, self._outputs = metric, output, outputs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        targets, answers = cut(y_true, y_pred, self._outputs)
        if sample_weight is not None:
            sample_weight = of_output(sample_weight, self._output, self._outputs)
        self._metric.update_state(targets[self._output], answers[self._output], sample_weight)

    def result(self) -> Any:
        return self._metric.result()

    def reset_state(self) -> None:
        self._metric.reset_state()


def cut(y_true: Any, y_pred: Any, outputs: Outputs) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns targets and answers by output, each as Keras's usual loss of its task takes them."""
    assert outputs.heads is not None
    heads = outputs.heads
    targets = tf.split(y_true, [head.columns for head in heads.values()], axis=1)
    answers = _laid_together(y_pred, len(heads))
    if answers is None:
        answers = tf.split(y_pred, [head.units for head in heads.values()], axis=1)
    return dict(zip(heads, targets, strict=True)), dict(zip(heads, answers, strict=True))


def _laid_together(y_pred: Any, count: int) -> list[Any] | None:
    """What a graph laid side by side; None where it cannot be seen.

    Keras computes a cross-entropy from what stands before a softmax or a sigmoid, where the graph
    shows one right behind the answers: a cut between them would hide it.
    """
    operation = None if tf.executing_eagerly() else getattr(y_pred, "op", None)
    if operation is None or operation.type != "ConcatV2" or len(operation.inputs) != count + 1:
        return None
    return list(operation.inputs[:count])


def usual_metrics(outputs: Outputs) -> list[str]:
    """Names of the metrics that are always measured beside the losses: accuracies."""
    heads = (outputs.heads or {}).items()
    return [f"{name}_{ACCURACY}" for name, head in heads if head.task in ACCURACIES]


def losses_of(
    outputs: Outputs, losses: Mapping[str, str | keras.losses.Loss] | None = None
) -> list[MeanOfLosses]:
    """The loss of each output, by default the usual one; it takes the weights of rows."""
    heads = (outputs.heads or {}).items()
    return [
        MeanOfLosses(name, outputs, (losses or {}).get(name, head.loss)) for name, head in heads
    ]


def output_of(name: str, outputs: Outputs) -> tuple[str, str]:
    """Returns the output that a metric is of, and what the metric is called there.

    Args:
        name: Such as ``digit_accuracy``.

    Raises:
        UserError: It begins with the name of no output.
    """
    heads = outputs.heads or {}
    found = [head for head in heads if name.startswith(f"{head}_")]
    if not found:
        raise UserError(
            f"Expected a metric of one of the outputs {', '.join(heads)}, such as "
            f"{next(iter(heads), '')}_{LOSS}. Received: {name!r}: put the output's name before it."
        )
    output = max(found, key=len)
    return output, name.removeprefix(f"{output}_")
