"""Keras's own callbacks and the user's, and what the former remember between epochs.

They forget everything when a training begins: what they remembered is put back after that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tuner.errors import UserError, one_line
from tuner.studies.objective import Objective
from tuner.training import user_functions
from tuner.training.callback_trial import CallbackTrial, takes_trial, trial_of

MEMORY = {
    "EarlyStopping": ("best", "wait", "best_epoch", "stopped_epoch"),
    "ReduceLROnPlateau": ("best", "wait", "cooldown_counter"),
}
LEAST = 1e-4  # by which a plateau's objective has to get better to count, as Keras has it
KNOWN = tuple(getattr(keras.callbacks, name) for name in MEMORY)


def make(
    hyperparameters: Mapping[str, Any],
    *,
    epoch_patience: int | None,
    objective: Objective,
    size: float = 1.0,
    patient_until: int = 0,
    own: Sequence[keras.callbacks.Callback] = (),
) -> list[keras.callbacks.Callback]:
    """The callbacks of a trial.

    Args:
        epoch_patience: Epochs without a better objective before it stops early; None for never.
        size: By how much the objective is larger than it would be of scaled targets.
        patient_until: Epochs before it may stop early: those of all phases but the last one.
        own: Those of the user's own, which come last.
    """
    training_callbacks: list[keras.callbacks.Callback] = []
    if hyperparameters.get("schedule") == "plateau":
        training_callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                objective.name,
                mode=objective.mode,
                factor=hyperparameters["plateau_factor"],
                patience=hyperparameters["plateau_patience"],
                min_delta=LEAST * size,
            )
        )
    if epoch_patience is not None:
        stopping = keras.callbacks.EarlyStopping(
            objective.name,
            mode=objective.mode,
            patience=epoch_patience,
            start_from_epoch=patient_until,
        )
        training_callbacks.append(stopping)
    return [*training_callbacks, *own]


def make_own(names: Sequence[str], trial: CallbackTrial) -> list[keras.callbacks.Callback]:
    """The callbacks of the user's own, each ``path/file.py:NAME``; who asks is given the trial.

    Raises:
        SpaceError: A file cannot be loaded.
        UserError: One is no callback.
    """
    return [_own(name, trial) for name in names]


def check(names: Sequence[str], hyperparameters: Mapping[str, Any], study: str = "") -> None:
    """Makes callbacks of the user's own once, for a trial with these hyperparameters.

    Raises:
        SpaceError: A file cannot be loaded.
        UserError: One is no callback.
    """
    with trial_of(None, number=0, study=study, hyperparameters=hyperparameters, seed=0) as trial:
        make_own(names, trial)


def _own(name: str, trial: CallbackTrial) -> keras.callbacks.Callback:
    expected = (
        "a class or function that makes a keras.callbacks.Callback of nothing, or of an argument "
        "named trial"
    )
    factory = user_functions.load(name, expected)
    try:
        callback = factory(trial=trial) if takes_trial(factory) else factory()
    except Exception as e:
        raise UserError(f"Expected {name} to be {expected}. Received: {one_line(e)}.") from e
    if not isinstance(callback, keras.callbacks.Callback):
        raise UserError(f"Expected {name} to be {expected}. Received: {callback!r}.")
    return callback


def begin_phase(callbacks: list[keras.callbacks.Callback]) -> None:
    """Lets those that steer the learning rate forget the phase before, as at a new ``fit``."""
    for callback in callbacks:
        if type(callback) is keras.callbacks.ReduceLROnPlateau:
            callback.on_train_begin()


def get_state(callbacks: list[keras.callbacks.Callback]) -> dict[str, dict[str, float | None]]:
    """What the callbacks know, JSON-able, by their class."""
    return {
        type(callback).__name__: {
            name: _number(getattr(callback, name)) for name in MEMORY[type(callback).__name__]
        }
        for callback in callbacks
        if type(callback) in KNOWN
    }


def set_state(
    callbacks: list[keras.callbacks.Callback], memory: Mapping[str, Mapping[str, float | None]]
) -> None:
    """Puts back what ``remember`` gave."""
    for callback in callbacks:
        if type(callback) not in KNOWN:
            continue  # one of the user's own begins anew
        for name, value in memory[type(callback).__name__].items():
            setattr(callback, name, value)


def _number(value: Any) -> float | None:
    return value if value is None or isinstance(value, int) else float(value)
