"""Which targets a metric or a loss says something of: found out before a study is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.parameters import loss_choice
from tuner.datasets import multi_output, target_axes
from tuner.datasets.raw_data import PARTS
from tuner.errors import UserError, quoted
from tuner.metrics import METRICS, registered_name
from tuner.metrics.metric import NOT_NEGATIVE, NOT_ZERO, NUMBERS, Need

if TYPE_CHECKING:
    from tuner.datasets import Data

_NEEDS = {
    **dict.fromkeys(loss_choice.NOT_NEGATIVE, NOT_NEGATIVE),
    "mape": NOT_ZERO,
    "kld": Need(lambda y: (y < 0) | (y > 1), "shares between 0 and 1"),
}


def check_loss_fits(name: str, data: Data) -> None:
    """Refuses a loss that says nothing of these targets.

    Raises:
        UserError: What they have to be.
    """
    if data.outputs.task != NUMBERS:
        return
    if name == "cosine_similarity" and data.outputs.units == 1:
        raise UserError(
            "Expected several targets for the loss cosine_similarity, which compares directions. "
            "Received: one: take another loss."
        )
    _check("loss", name, _NEEDS.get(name), data)


def check_metric_fits(name: str, data: Data) -> None:
    """Refuses a metric that says nothing of these targets, whatever a model answers.

    Raises:
        UserError: What they have to be.
    """
    registered = registered_name(name)
    for output, one in multi_output.every(data).items():
        if name.startswith(f"{output}_"):
            check_metric_fits(name.removeprefix(f"{output}_"), one)
    if data.heads is not None or registered is None:
        return
    if data.outputs.task == NUMBERS:
        _check("metric", registered, METRICS[registered].targets, data)
    elif METRICS[registered].every_class:
        _check_every_class(name, data)


def _check(what: str, name: str, need: Need | None, data: Data) -> None:
    if need is None:
        return
    for part in PARTS:
        targets = _known(data, part)
        wrong = targets[need.wrong(targets)]
        if len(wrong):
            raise UserError(
                f"Expected targets that are {need.text} for the {what} {name}. Received: "
                f"{wrong[0]:.4g} in the {part} part, and {len(wrong) - 1} others: take another "
                f"{what}."
            )


def _known(data: Data, part: str) -> NDArray[Any]:
    """The targets as they are in the source; where rows are learned, their values."""
    y = getattr(data, part).y
    raw = data.raw_targets(part)
    if data.outputs.axes:
        return target_axes.counted(raw, getattr(data, part).weights).astype(np.float64)
    if raw.size == y.size:
        return np.asarray(raw, dtype=np.float64)
    rows = data.raw(part)
    assert isinstance(rows, np.ndarray)
    return np.asarray(rows, dtype=np.float64)


def _check_every_class(name: str, data: Data) -> None:
    y = data.validation.y
    if data.outputs.axes:
        places = target_axes.counted(y, data.validation.weights)
        y = places if data.outputs.task == "labels" else places[:, 0]
    flags = y if y.ndim == 2 else np.eye(max(2, data.outputs.units), dtype=bool)[y]
    present = flags.astype(bool)
    constant = np.flatnonzero((present == present[0]).all(axis=0))
    if len(constant):
        names = data.classes or data.targets or ()
        raise UserError(
            f"Expected validation rows with and without each class for the metric {name}. "
            f"Received: all or none of {quoted(names[int(constant[0])])}: add rows, or divide them "
            "otherwise with --data-seed or --validation-share."
        )
