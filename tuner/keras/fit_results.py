"""What ``HyperModel.fit`` may return, and which values of objectives it means.

As in ``keras_tuner.engine.tuner_utils`` (version 1.4): a number is the objective itself; a dict has
it by its name; of a ``History`` the best epoch counts; of a list the mean. An objective is called
``val_loss``; a dict may call it ``loss``, too, and so may epochs, where Keras does not call
something else so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tuner.errors import quoted
from tuner.metrics import ending
from tuner.studies.objective import LOSS, PREFIX, Objective


def epoch_value(name: str, logs: Mapping[str, Any]) -> float | None:
    """Returns an objective after an epoch; None where the logs have none.

    Args:
        name: Of the objective, such as ``val_accuracy``.
        logs: As callbacks get them.
    """
    bare = name.removeprefix(PREFIX)
    of_training = bare == LOSS or ending(bare) is not None
    value = logs.get(name, None if of_training else logs.get(bare))
    return None if value is None else _number(value)


def objective_values(results: Any, objectives: Sequence[Objective], name: str) -> list[float]:
    """Returns the values of the objectives.

    Args:
        results: What ``fit`` returned.
        objectives: Of the study; the first one decides which epoch is the best.
        name: Of the hypermodel, for messages.

    Raises:
        ValueError: It returned something else.
    """
    if isinstance(results, list) and results:
        values = [objective_values(one, objectives, name) for one in results]
        return [float(mean) for mean in np.mean(values, axis=0)]
    if isinstance(results, keras.callbacks.History):
        return _of_history(results.history, objectives, name)
    if isinstance(results, Mapping):
        return [_of_dict(results, objective.name, name) for objective in objectives]
    value = _number(results)
    if value is None or len(objectives) > 1:
        number = "a number, " if len(objectives) == 1 else ""
        raise ValueError(
            f"Expected fit() of {name} to return what model.fit() returns, {number}a dict with "
            f"{', '.join(o.name for o in objectives)}, or a list of these. "
            f"Received: {quoted(results)}."
        )
    return [value]


def _of_history(
    history: Mapping[str, Sequence[Any]], objectives: Sequence[Objective], name: str
) -> list[float]:
    epochs = [
        [epoch_value(objective.name, logs) for objective in objectives]
        for logs in _epochs_of(history)
    ]
    measured = [values for values in epochs if None not in values]
    if not measured:
        raise ValueError(
            f"Expected {', '.join(o.name for o in objectives)} in the History that fit() of {name} "
            f"returned. Received: {', '.join(history) or 'no epoch'}: hand validation_data on to "
            "model.fit(), or name another --objective."
        )
    sign = objectives[0].sign
    finite = [values for values in measured if math.isfinite(values[0])]  # type: ignore[arg-type]
    best = min(finite or measured, key=lambda values: sign * values[0])  # type: ignore[operator]
    return [float(value) for value in best if value is not None]


def _epochs_of(history: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """What was measured in each epoch; where not in each (``validation_freq``), in its order."""
    count = max(map(len, history.values()), default=0)
    return [
        {metric: values[epoch] for metric, values in history.items() if epoch < len(values)}
        for epoch in range(count)
    ]


def _of_dict(results: Mapping[Any, Any], objective: str, name: str) -> float:
    value = results.get(objective, results.get(objective.removeprefix(PREFIX)))
    number = _number(value)
    if number is None:
        received = (
            f"{objective}={quoted(value)}" if value is not None else ", ".join(map(str, results))
        )
        raise ValueError(
            f"Expected a number by the name of {objective} in the dict that fit() of {name} "
            f"returned. Received: {quoted(received)}."
        )
    return number


def _number(value: Any) -> float | None:
    """A number, also one of NumPy or a tensor without axes; None for anything else."""
    if isinstance(value, str | bytes):
        return None
    try:
        return float(value) if np.ndim(value) == 0 else None
    except (TypeError, ValueError):
        return None
