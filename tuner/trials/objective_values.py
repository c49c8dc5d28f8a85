"""A trial by all objectives of its study: only the first one is known after each epoch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from storage.outcomes import Failure, Outcome
from tuner import training
from tuner.datasets import Data
from tuner.studies.objective import COSTS, Objective

if TYPE_CHECKING:
    import keras


def measure_objectives(
    outcome: Outcome, further: Iterable[Objective], model: keras.Model, data: Data
) -> Outcome:
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
    values = {objective: _value(objective, outcome, model, data) for objective in further}
    wrong = [objective.text for objective, value in values.items() if not math.isfinite(value)]
    if wrong:
        message = f"not finite at the best epoch: {', '.join(wrong)}"
        failure = Failure(kind="diverged", message=message)
        return dataclasses.replace(outcome, state="failed", failure=failure)
    return dataclasses.replace(outcome, further=tuple(values.values()))


def _value(objective: Objective, outcome: Outcome, model: keras.Model, data: Data) -> float:
    if objective.name in COSTS:
        return training.measure_cost(objective.name, model, data.validation)
    return outcome.metrics[objective.name]
