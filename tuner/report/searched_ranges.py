"""What was searched, and on how many trials rests what is said of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from storage.trials import TrialRecord
from tuner import formatting
from tuner.report.study_facts import StudyFacts
from tuner.report.visualization_study import contains

SHARE = 0.5  # of the trials that must have a parameter for it to be ranked
LEAST = 10  # trials that must; all of them where there are fewer


def searched(name: str, facts: StudyFacts) -> str:
    """What a hyperparameter was chosen from, in few words."""
    if name not in facts.ranges:
        return "fixed"
    if name in facts.searched:
        return facts.searched[name]
    values = [t.hyperparameters[name] for t in facts.trials if name in t.hyperparameters]
    distribution = next((one for one in facts.ranges[name] if _is_of(one, values)), None)
    return _tried(values, facts.ranges[name]) if distribution is None else _range(distribution)


def _is_of(distribution: BaseDistribution, values: Sequence[Any]) -> bool:
    return all(contains(distribution, value) for value in values)


def _range(drawn: BaseDistribution) -> str:
    if isinstance(drawn, CategoricalDistribution):
        return ", ".join(formatting.setting(choice) for choice in drawn.choices)
    assert isinstance(drawn, (IntDistribution, FloatDistribution))
    scale = ", logarithmic" if drawn.log else ""
    return f"{formatting.setting(drawn.low)} to {formatting.setting(drawn.high)}{scale}"


def _tried(values: Sequence[Any], ranges: Sequence[BaseDistribution]) -> str:
    """Of an ordered list, which is sampled by its index: nobody knows what was not tried."""
    by_name = {formatting.setting(value): value for value in values}
    names = sorted(by_name, key=lambda name: _order(by_name[name]))
    lengths = [one.high + 1 for one in ranges if isinstance(one, IntDistribution)]
    if not lengths or len(names) >= max(lengths):
        return ", ".join(names)
    return f"{max(lengths)} values, of which tried: {', '.join(names)}"


def _order(value: Any) -> tuple[float, str]:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (value if number else math.inf, str(value))


def support(trials: Iterable[TrialRecord], drawn: Mapping[str, Any]) -> dict[str, int]:
    """How many trials had each of the parameters that are drawn."""
    counts = dict.fromkeys(drawn, 0)
    for trial in trials:
        for name in drawn.keys() & trial.hyperparameters.keys():
            counts[name] += 1
    return counts


def supported(counts: Mapping[str, int], trials: int) -> list[str]:
    """The parameters that enough of the trials had: what a few had shows itself by chance."""
    fewest = max(SHARE * trials, min(LEAST, trials))
    return [name for name, count in counts.items() if count >= fewest]
