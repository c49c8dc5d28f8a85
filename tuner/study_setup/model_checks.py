"""Whether a user's code builds a model that fits the data and can be loaded again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.shapes import shown_task
from search_spaces.space import SearchSpace
from search_spaces.user_code import source_files
from tuner.errors import UserError
from tuner.study_setup.validation_plan import ValidationPlan
from tuner.trials.reload_check import ROWS, check_reload

if TYPE_CHECKING:
    from tuner.datasets import Data


def try_model(space: SearchSpace, data: Data, plan: ValidationPlan) -> frozenset[str]:
    """Builds one model, under the precision of the study, and loads it again from a file.

    Returns:
        The names of metrics that it was compiled with, and that nobody else knows.
    """
    if plan.precision == "float32":  # without importing more than the user's code does
        model = space.build_default(data.inputs, data.outputs)
    else:
        from tuner import training

        with training.precision(plan.precision):
            model = space.build_default(data.inputs, data.outputs)
        training.check_head(model, plan.space)
    name = source_files.brief(plan.space)
    single = data.inputs_encoder is None and data.heads is None
    if single and space.learns == "targets" and not space.own_loss:
        _check_shapes(model, data, name)
    # With several inputs or outputs, rows are cut up in front of the model.
    check_reload(model, name, data.validation.x[:ROWS] if single else None)
    if not model.compiled:
        return frozenset()
    from tuner import training

    return training.check_compiled(model, data, name)


def _check_shapes(model: Any, data: Data, name: str) -> None:
    """Refuses a model that takes other rows, or answers with another number of values."""
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs or len(inputs) > 1 or len(outputs) > 1:
        return
    takes, rows = tuple(inputs[0].shape[1:]), data.inputs.shape
    if len(takes) != len(rows) or any(a not in (None, b) for a, b in zip(takes, rows, strict=True)):
        raise UserError(
            f"Expected {name} to build a model for rows of shape {rows}. Received one for rows of "
            f"shape {takes}: change its input, or the data."
        )
    if data.outputs.axes:
        _check_places(outputs[0], data, name)
        return
    answers, units = outputs[0].shape[-1], data.outputs.units
    if answers not in (None, units):
        two = " For a softmax over two classes add --task multiclass."
        raise UserError(
            f"Expected {name} to build a model that answers a row of the task "
            f"{shown_task(data.outputs.task)} with {units} value{'s' * (units > 1)}. Received "
            f"{answers}: change its last layer.{two if data.outputs.task == 'binary' else ''}"
        )


def _check_places(answer: Any, data: Data, name: str) -> None:
    """Refuses a model that answers other places, or whose layers leave out some of them."""
    received, wanted = tuple(answer.shape[1:]), data.outputs.shape
    same = len(received) == len(wanted) and all(
        a in (None, b) for a, b in zip(received, wanted, strict=True)
    )
    if not same:
        two = " For a softmax over two classes add --task multiclass."
        raise UserError(
            f"Expected {name} to build a model that answers a row of the task "
            f"{shown_task(data.outputs.task)} with values of shape {wanted}. Received {received}: "
            f"change its last layers.{two if data.outputs.task == 'binary' else ''}"
        )
    if getattr(answer, "_keras_mask", None) is not None:
        raise UserError(
            f"Expected {name} to build a model whose answer has no mask of Keras. Received one "
            "(mask_zero or Masking): weights of 0 or --mask-value say which steps do not count."
        )
