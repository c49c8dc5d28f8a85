"""Pruners by name, with a warm-up that lets every trial show what it can."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from search_spaces.registry import Registry
from storage.pruning import (
    AshaRule,
    HyperbandRule,
    MedianRule,
    NoPruning,
    PromotionRule,
    PruningRule,
)

# The kind of each rule is among the names, so that studies find it again.
PRUNERS: Registry[PruningRule] = Registry(
    "tuner.pruners",
    {
        # Optuna's median pruner without a warm-up stopped 45 of 60 trials at their first epoch.
        "median": MedianRule(warmup=4, startup=5),
        "asha": AshaRule(warmup=3, startup=3, reduction=3),
        "asha-promotion": PromotionRule(warmup=1, reduction=3, startup=0),
        "hyperband": HyperbandRule(warmup=2, startup=3, reduction=3, brackets=3),
        "none": NoPruning(),
    },
    kind=PruningRule,
)


def from_dict(values: Mapping[str, Any]) -> PruningRule:
    """Returns the rule that ``to_dict`` was called on.

    Raises:
        NotRegisteredError: It is of a kind that a package brings, which is not installed.
    """
    kind = type(PRUNERS[values["kind"]])
    # Earlier versions wrote the numbers of all kinds.
    names = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in names})
