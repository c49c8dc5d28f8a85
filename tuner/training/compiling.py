"""From hyperparameters to a compiled model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from search_spaces.shapes import Outputs
from tuner.errors import UserError, one_line
from tuner.training import heads
from tuner.training.losses import loss_of
from tuner.training.measuring import metric_of

OPTIMIZERS: dict[str, type[keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam,
    "adamax": keras.optimizers.Adamax,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
}

# The knobs of each optimizer among the hyperparameters, by the names of Keras.
KNOBS = {
    "adam": ("beta_1", "beta_2", "amsgrad"),
    "adamw": ("beta_1", "beta_2", "amsgrad", "weight_decay"),
    "nadam": ("beta_1", "beta_2"),
    "adamax": ("beta_1", "beta_2"),
    "rmsprop": ("rho", "momentum"),
    "sgd": ("momentum", "nesterov"),
    "adagrad": (),
    "adadelta": ("rho",),
}


CLIPPINGS = {"value": "clipvalue", "norm": "clipnorm", "global_norm": "global_clipnorm"}


def make_optimizer(hyperparameters: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """The optimizer that hyperparameters name, with those of its knobs that they hold."""
    name = hyperparameters["optimizer"]
    knobs = {knob: hyperparameters[knob] for knob in KNOBS[name] if knob in hyperparameters}
    clipping = CLIPPINGS.get(hyperparameters.get("clipping", "none"))
    if clipping is not None:
        knobs[clipping] = hyperparameters["clip_at"]
    return OPTIMIZERS[name](learning_rate=hyperparameters["learning_rate"], **knobs)


def compile_model(
    model: keras.Model,
    hyperparameters: Mapping[str, Any],
    outputs: Outputs,
    *,
    metrics: Sequence[str] = (),
) -> None:
    """Compiles a model for its task; classification is measured by its accuracy too.

    Each of several outputs is measured by its loss as well.
    """
    model.compile(
        optimizer=make_optimizer(hyperparameters),
        loss=loss_of(hyperparameters, outputs),
        jit_compile=False,  # compiling costs more than a short trial gains on a CPU
        **_measured(metrics, outputs),
    )


def _measured(metrics: Sequence[str], outputs: Outputs) -> dict[str, Any]:
    """The metrics as ``compile`` takes them, those that are always measured before the others."""
    losses = heads.losses_of(outputs)
    names = [] if outputs.task == "regression" else ["accuracy"]
    if outputs.heads is not None:
        names = heads.usual_metrics(outputs)
    known = {loss.name for loss in losses}
    named = [name for name in dict.fromkeys([*names, *metrics]) if name not in known]
    found = {"metrics": [metric_of(name, outputs) for name in named]}
    return {**found, "weighted_metrics": losses} if losses else found


def check_metrics(names: Sequence[str], outputs: Outputs) -> None:
    """Checks that Keras knows these metrics and can compute them for a task.

    Raises:
        UserError: It does not know one (close names are suggested), or cannot compute it.
    """
    for name in names:
        if outputs.heads is not None and heads.output_of(name, outputs)[1] == heads.LOSS:
            continue  # it is measured anyway
        try:
            keras.metrics.get(metric_of(name, outputs))
        except (ValueError, TypeError) as e:
            close = difflib.get_close_matches(name, dir(keras.metrics), n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise UserError(
                f"Expected the name of a metric of Keras. Received: {name!r}.{hint}"
            ) from e
        try:
            _try_metric(name, outputs)
        except Exception as e:
            raise UserError(
                f"Expected a metric that can be computed for the task {outputs.task!r}. "
                f"Received: {name!r} ({one_line(e)})."
            ) from e


def _try_metric(name: str, outputs: Outputs) -> None:
    """Computes a metric on a model that trains for a moment, as a trial would."""
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(outputs.units, activation=outputs.activation)]
    )
    model.compile(
        optimizer="sgd",
        loss=loss_of({}, outputs),
        metrics=[metric_of(name, outputs)],
        jit_compile=False,
    )
    several = outputs.columns > 1
    y = np.zeros((4, outputs.columns)) if several else np.arange(4.0) % max(2, outputs.units)
    x = np.zeros((4, 2), np.float32)
    scores = model.evaluate(x, y.astype(np.float32), verbose=0, return_dict=True)
    if not all(np.ndim(value) == 0 for value in scores.values()):
        raise ValueError("it is not one number")
