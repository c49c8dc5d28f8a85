"""From hyperparameters to a compiled model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from search_spaces.shapes import Outputs
from tuner.errors import UserError

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


def make_optimizer(hyperparameters: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """The optimizer that hyperparameters name, with those of its knobs that they hold."""
    name = hyperparameters["optimizer"]
    knobs = {knob: hyperparameters[knob] for knob in KNOBS[name] if knob in hyperparameters}
    return OPTIMIZERS[name](learning_rate=hyperparameters["learning_rate"], **knobs)


def compile_model(
    model: keras.Model,
    hyperparameters: Mapping[str, Any],
    outputs: Outputs,
    *,
    metrics: Sequence[str] = (),
) -> None:
    """Compiles a model for its task; classification is measured by its accuracy too."""
    names = [] if outputs.task == "regression" else ["accuracy"]
    model.compile(
        optimizer=make_optimizer(hyperparameters),
        loss=outputs.loss,
        metrics=[*names, *(name for name in metrics if name not in names)],
        jit_compile=False,  # compiling costs more than a short trial gains on a CPU
    )


def check_metrics(names: Sequence[str]) -> None:
    """Checks that Keras knows these metrics.

    Raises:
        UserError: It does not know one; close names are suggested.
    """
    known = [name for name in dir(keras.metrics) if not name.startswith("_")]
    for name in names:
        try:
            keras.metrics.get(name)
        except (ValueError, TypeError) as e:
            close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise UserError(
                f"Expected the name of a metric of Keras. Received: {name!r}.{hint}"
            ) from e
