"""A trial by all objectives of its study: only the first one is known after each epoch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from storage.outcomes import Failure, Outcome
from tuner import training
from tuner.datasets import Data
from tuner.goal import COSTS, Goal

if TYPE_CHECKING:
    import keras


def weigh(outcome: Outcome, further: Iterable[Goal], model: keras.Model, data: Data) -> Outcome:
    """Adds the values of further objectives to how a trial ended.

    A complete trial has all of them, those of its best epoch; without one that is finite it
    failed. A pruned one has none, not even of the first: see ``Outcome``.

    Args:
        model: It holds the weights of the best epoch.

    Raises:
        Exception: Whatever the user's layers raise.
    """
    if outcome.state != "complete":
        return dataclasses.replace(outcome, value=None)
    values = {goal: _value(goal, outcome, model, data) for goal in further}
    wrong = [goal.text for goal, value in values.items() if not math.isfinite(value)]
    if wrong:
        message = f"not finite at the best epoch: {', '.join(wrong)}"
        failure = Failure(kind="diverged", message=message)
        return dataclasses.replace(outcome, state="failed", failure=failure)
    return dataclasses.replace(outcome, further=tuple(values.values()))


def _value(goal: Goal, outcome: Outcome, model: keras.Model, data: Data) -> float:
    if goal.name in COSTS:
        return training.cost(goal.name, model, data.validation)
    return outcome.metrics[goal.name]
