"""Targets and answers in the unit of the targets, where models are trained on scaled ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from search_spaces.parameters.loss_choice import USUAL
from search_spaces.shapes import Outputs, Unit
from tuner.metrics import find
from tuner.studies.objective import LOSS, PREFIX, Objective

# Losses that scaled targets are learned by, and the power of the spread that brings each back to
# the unit of the targets. Huber and log-cosh turn from a square into a distance at one spread.
POWERS = {"mse": 2, "huber": 2, "log_cosh": 2, "mae": 1}
# From 0 to the centre: beyond, float32 rounds to more than about a thousandth of a spread.
MOST_SPREADS = 1e4


def own(values: Any, outputs: Outputs) -> Any:
    """Scaled values ``(rows, units)`` or ``(rows,)`` in the unit of the targets.

    They stay in float32, which code of the user's may count on, unless that would round errors.
    """
    unit = outputs.unit
    if unit is None:
        return values
    rounds = any(
        abs(centre) > MOST_SPREADS * spread
        for centre, spread in zip(unit.centre, unit.spread, strict=True)
    )
    return exact(values, outputs) if rounds else _back(values, unit)


def exact(values: Any, outputs: Outputs) -> Any:
    """The same in float64: 1.7e9 and 1.7e9 + 5 are one number in float32, with no error between."""
    if outputs.unit is None:
        return values
    return _back(keras.ops.cast(values, "float64"), outputs.unit)


def _back(values: Any, unit: Unit) -> Any:
    return _times(values, unit.spread) + _like(unit.centre, values)


def spans(values: Any, outputs: Outputs) -> Any:
    """The same but for the centre, which does not matter to differences and would round them."""
    return values if outputs.unit is None else _times(values, outputs.unit.spread)


def _times(values: Any, spread: tuple[float, ...]) -> Any:
    return values * _like(spread, values)


def _like(numbers: tuple[float, ...], values: Any) -> Any:
    return keras.ops.convert_to_tensor(numbers, dtype=keras.backend.standardize_dtype(values.dtype))


def loss_factor(hyperparameters: Mapping[str, Any], outputs: Outputs) -> float:
    """What the loss that is trained by has to be multiplied with, to be told in its unit."""
    if outputs.unit is None or not outputs.unit.of_loss:
        return 1.0
    name = hyperparameters.get("loss", USUAL)
    power = POWERS.get(outputs.loss if name == USUAL else name, 0)
    return outputs.unit.size**power


def goal_factor(
    objective: Objective, hyperparameters: Mapping[str, Any], outputs: Outputs
) -> float:
    """By how much an objective is larger than it would be of scaled targets, about."""
    if objective.name == PREFIX + LOSS:
        return loss_factor(hyperparameters, outputs)
    meaning = find(objective.metric or "")
    if outputs.unit is None or meaning is None:
        return 1.0
    return outputs.unit.size**meaning.power
