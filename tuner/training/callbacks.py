"""Keras's own callbacks, and what they remember between epochs.

They forget everything when a training begins: what they remembered is put back after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tuner.goal import Goal

MEMORY = {
    "EarlyStopping": ("best", "wait", "best_epoch", "stopped_epoch"),
    "ReduceLROnPlateau": ("best", "wait", "cooldown_counter"),
}


def make(
    hyperparameters: Mapping[str, Any], *, epoch_patience: int | None, goal: Goal
) -> list[keras.callbacks.Callback]:
    """The callbacks of a trial.

    Args:
        epoch_patience: Epochs without a better objective before it stops early; None for never.
    """
    made: list[keras.callbacks.Callback] = []
    if hyperparameters.get("schedule") == "plateau":
        made.append(
            keras.callbacks.ReduceLROnPlateau(
                goal.name,
                mode=goal.mode,
                factor=hyperparameters["plateau_factor"],
                patience=hyperparameters["plateau_patience"],
            )
        )
    if epoch_patience is not None:
        stopping = keras.callbacks.EarlyStopping(goal.name, mode=goal.mode, patience=epoch_patience)
        made.append(stopping)
    return made


def remember(callbacks: list[keras.callbacks.Callback]) -> dict[str, dict[str, float | None]]:
    """What the callbacks know, JSON-able, by their class."""
    return {
        type(callback).__name__: {
            name: _number(getattr(callback, name)) for name in MEMORY[type(callback).__name__]
        }
        for callback in callbacks
    }


def remind(
    callbacks: list[keras.callbacks.Callback], memory: Mapping[str, Mapping[str, float | None]]
) -> None:
    """Puts back what ``remember`` gave."""
    for callback in callbacks:
        for name, value in memory[type(callback).__name__].items():
            setattr(callback, name, value)


def _number(value: Any) -> float | None:
    return value if value is None or isinstance(value, int) else float(value)
