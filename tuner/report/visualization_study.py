"""A study in memory for ``optuna.visualization``, with real values.

Optuna's own tables hold indices where a parameter is an ordered list, and the last value of a
pruned trial. Here every trial has the values that its model was built from and its lowest loss.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from search_spaces.parameters.literals import format_value
from storage.trials import TrialRecord
from tuner.report.study_facts import STOPPED
from tuner.studies.objective import Objective

FEW = 12  # distinct numbers that are shown as a list rather than as a range

Axes = dict[str, BaseDistribution]


def axes(trials: Iterable[TrialRecord], ranges: Mapping[str, Sequence[BaseDistribution]]) -> Axes:
    """What each parameter is drawn on; those that never changed are left out."""
    values: dict[str, dict[str, Any]] = {}
    for trial in trials:
        for name, value in trial.hyperparameters.items():
            values.setdefault(name, {})[format_value(value)] = value
    return {
        name: _axis(list(distinct.values()), ranges.get(name, ()))
        for name, distinct in values.items()
        if len(distinct) > 1
    }


def _axis(values: list[Any], ranges: Sequence[BaseDistribution]) -> BaseDistribution:
    for distribution in ranges:
        if all(contains(distribution, value) for value in values):
            return distribution
    if not all(_is_number(value) for value in values):
        return CategoricalDistribution([_category(value) for value in values])
    if len(values) <= FEW:
        return CategoricalDistribution(sorted(values))
    return FloatDistribution(float(min(values)), float(max(values)))


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a distribution has a value."""
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (TypeError, ValueError):
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _category(value: Any) -> Any:
    return (
        value
        if value is None or isinstance(value, (bool, int, float, str))
        else format_value(value)
    )


class VisualizationStudy(Study):
    """A study whose trials are never copied: Optuna's figures ask for all of them all the time."""

    def __init__(self, name: str, trials: list[FrozenTrial], objective: Objective) -> None:
        storage = InMemoryStorage()
        direction = StudyDirection.MAXIMIZE if objective.maximize else StudyDirection.MINIMIZE
        with quiet():
            storage.create_new_study([direction], name)
        super().__init__(name, storage)
        self.objective = objective
        self._mirrored = trials

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [trial for trial in self._mirrored if states is None or trial.state in states]


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps Optuna from telling of every study that is made, and of every empty figure."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def visualization_study(
    name: str,
    trials: Sequence[TrialRecord],
    drawn: Axes,
    objective: Objective,
    *,
    pruned_too: bool = True,
) -> VisualizationStudy:
    """An Optuna study of these trials, each under its own number.

    Args:
        trials: By number. Numbers between them are filled with trials that failed, which nothing
            draws.
        drawn: See ``axes``; other hyperparameters are left out.
        objective: What they are compared by.
        pruned_too: Whether pruned and resting trials look complete, with the best that they had
            reached.
    """
    frozen: list[FrozenTrial] = []
    for trial in trials:
        frozen += [create_trial(state=TrialState.FAIL) for _ in range(len(frozen), trial.number)]
        frozen.append(_frozen(trial, drawn, pruned_too=pruned_too))
    for number, copy in enumerate(frozen):
        copy.number = copy._trial_id = number  # importance tells trials apart by their id
    return VisualizationStudy(name, frozen, objective)


def _frozen(trial: TrialRecord, drawn: Axes, *, pruned_too: bool) -> FrozenTrial:
    shown = ("complete", *STOPPED) if pruned_too else ("complete",)
    if trial.state not in shown or trial.value is None:
        return create_trial(state=TrialState.FAIL)
    chosen = trial.hyperparameters
    params = {
        name: value if contains(axis, value) else _category(value)
        for name, axis in drawn.items()
        if (value := chosen.get(name, drawn)) is not drawn
    }
    return create_trial(
        value=trial.value,
        params=params,
        distributions={name: drawn[name] for name in params},
    )
