"""From hyperparameters to a compiled model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from search_spaces.errors import SpaceError
from search_spaces.parameters.loss_choice import USUAL
from search_spaces.phases import phases_of, set_trainable
from search_spaces.shapes import Outputs, shown_task
from tuner.errors import UserError, one_line
from tuner.metrics import UNWEIGHTED_LOSS, is_ours
from tuner.training import multi_output_losses
from tuner.training.compiled_metrics import metric_of
from tuner.training.losses import loss_of
from tuner.training.optimizers import make_optimizer
from tuner.training.own_compilation import (
    Compilation,
    came_with_of,
    comes_compiled,
    recompile,
)


def compile_model(
    model: keras.Model,
    hyperparameters: Mapping[str, Any],
    outputs: Outputs,
    *,
    metrics: Sequence[str] = (),
    target: keras.Model | None = None,
    phase: int = 0,
    came_with: Mapping[str, Any] | None = None,
) -> Compilation:
    """Compiles a model for its task; classification is measured by its accuracy too.

    Each of several outputs is measured by its loss as well. A model that comes compiled keeps what
    it came with.

    Args:
        target: The model that is compiled in its place.
        phase: Which one begins, where the model carries phases: its layers learn from now on, with
            a new optimizer.
        came_with: What the model came compiled with, if it did (``arguments_of``): after the first
            phase it says no more.
    """
    phases = phases_of(model)
    if not phases:
        return _compile(model, hyperparameters, outputs, metrics, target, came_with)
    set_trainable(model, phases[phase])
    rate = phases[phase].learning_rate
    if came_with is None:
        came_with = arguments_of(model, hyperparameters)
    if came_with is not None:
        came_with = {**came_with, "optimizer": _fresh(came_with["optimizer"], rate)}
    of_phase = {**hyperparameters, "learning_rate": rate}
    compiled = _compile(model, of_phase, outputs, metrics, target, came_with)
    return replace(compiled, why_keras=compiled.why_keras or "phases")


def arguments_of(model: keras.Model, hyperparameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a model came compiled with and keeps; None if it is compiled here."""
    return came_with_of(model) if comes_compiled(model, hyperparameters) else None


def _fresh(optimizer: keras.optimizers.Optimizer, rate: float) -> keras.optimizers.Optimizer:
    """An optimizer with the same settings that has seen no gradient, as it is at a new phase."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # Keras wraps it again
    fresh: keras.optimizers.Optimizer = type(inner).from_config(
        {**inner.get_config(), "learning_rate": rate}
    )
    return fresh


def _compile(
    model: keras.Model,
    hyperparameters: Mapping[str, Any],
    outputs: Outputs,
    metrics: Sequence[str],
    target: keras.Model | None,
    came_with: Mapping[str, Any] | None,
) -> Compilation:
    if came_with is not None or comes_compiled(model, hyperparameters):
        return recompile(model, outputs, metrics, target=target, came_with=came_with)
    (target or model).compile(
        optimizer=make_optimizer(hyperparameters),
        loss=loss_of(hyperparameters, outputs),
        jit_compile=False,  # compiling costs more than a short trial gains on a CPU
        **_measured(metrics, outputs),
    )
    return Compilation(loss=hyperparameters.get("loss", USUAL), metrics=tuple(metrics))


def _measured(metrics: Sequence[str], outputs: Outputs) -> dict[str, Any]:
    """The metrics as ``compile`` takes them, those that are always measured before the others."""
    losses = multi_output_losses.losses_of(outputs)
    names = [] if outputs.task == "regression" else ["accuracy"]
    if outputs.heads is not None:
        names = multi_output_losses.usual_metrics(outputs)
    loss_names = {loss.name for loss in losses}
    named = [name for name in dict.fromkeys([*names, *metrics]) if name not in loss_names]
    metrics_of = [metric_of(name, outputs) for name in named]
    if outputs.axes:  # whose metrics must know which places count
        return {"weighted_metrics": metrics_of}
    arguments = {"metrics": metrics_of}
    return {**arguments, "weighted_metrics": losses} if losses else arguments


def check_metrics(names: Sequence[str], outputs: Outputs) -> None:
    """Checks that metrics mean something for a task, and that those of a file can be computed.

    Raises:
        SpaceError: A file cannot be loaded.
        UserError: One means nothing (close names are suggested), or cannot be computed.
    """
    for name in names:
        if (
            outputs.heads is not None
            and name != UNWEIGHTED_LOSS
            and multi_output_losses.output_of(name, outputs)[1] == multi_output_losses.LOSS
        ):
            continue  # it is measured anyway
        try:
            metric = metric_of(name, outputs)
            if outputs.as_trained or not is_ours(name):
                _try_metric(metric, outputs)
        except (SpaceError, UserError):
            raise
        except Exception as e:
            raise UserError(
                "Expected a metric that can be computed for the task "
                f"{shown_task(outputs.task)!r}. Received: {name!r} ({one_line(e)})."
            ) from e


def _try_metric(metric: str | keras.metrics.Metric, outputs: Outputs) -> None:
    """Computes a metric on a model that trains for a moment, as a trial would."""
    outputs = replace(outputs, axes=(2,) * len(outputs.axes))
    head = keras.layers.Dense(outputs.units, activation=outputs.activation)
    model = keras.Sequential([keras.Input((*outputs.axes, 2)), head])
    model.compile(optimizer="sgd", loss=loss_of({}, outputs), metrics=[metric], jit_compile=False)
    rows = 2 * outputs.units + 3  # as many as there are classes would hide what does not fit
    y = np.arange(float(rows)) % max(2, outputs.units)
    if outputs.columns > 1:
        y = np.zeros((rows, outputs.columns))
    x = np.zeros((rows, *outputs.axes, 2), np.float32)
    if outputs.axes:  # all places of a row have its target
        y = y.reshape(rows, *(1,) * len(outputs.axes), outputs.columns)
        y = np.tile(y, (1, *outputs.axes, 1))
    scores = model.evaluate(
        x, y.astype(np.float32), batch_size=rows - 1, verbose=0, return_dict=True
    )
    if not all(np.ndim(value) == 0 for value in scores.values()):
        raise ValueError("it is not one number")
