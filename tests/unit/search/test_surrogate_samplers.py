"""Samplers that learn a model of the losses, as samplers of Optuna."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
)
from optuna.trial import TrialState, create_trial

from tuner.search import samplers
from tuner.search.auto_choice import MANY
from tuner.search.surrogates.auto_sampler import AutoSampler
from tuner.search.surrogates.gp_sampler import GpSampler
from tuner.search.surrogates.known_points import normal_scores
from tuner.search.surrogates.surrogate_sampler import expected_improvement

NAMES = ("gp", "forest", "auto")


class TestGp(BasicSamplerTestCase):
    """`gp` is a sampler as Optuna's own are."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        """Learns from the first trial on."""
        return lambda: GpSampler(0, startup=1)


class TestAuto(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    """`auto` is a sampler as Optuna's own are, also for several objectives."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        """One for a seed."""
        return lambda: samplers.make("auto", 0)


def _bowl(trial: optuna.trial.Trial) -> float:
    """Conditional, mixed, on a logarithm: its lowest value is 0, at x=0.01, kind b, depth 2."""
    loss = abs(np.log10(trial.suggest_float("x", 1e-4, 1, log=True)) + 2)
    if trial.suggest_categorical("kind", ["a", "b", "c"]) == "b":
        return float(loss + abs(trial.suggest_int("depth", 1, 5) - 2))
    return float(loss + 2)


def _best(name: str, trials: int, seed: int, *, sign: int = 1) -> list[dict[str, Any]]:
    study = optuna.create_study(direction="minimize" if sign > 0 else "maximize")
    for number in range(trials):
        study.sampler = samplers.make(name, samplers.trial_seed(seed, number))
        trial = study.ask()
        study.tell(trial, sign * _bowl(trial))
    return [{**t.params, "loss": sign * t.value} for t in study.trials]  # type: ignore[operator]


@pytest.mark.parametrize("name", NAMES)
def test_it_learns(name: str):
    """After 30 trials it is nearer to the lowest value than random draws, over two seeds."""
    losses = [min(t["loss"] for t in _best(name, 30, seed)) for seed in range(2)]
    at_random = [min(t["loss"] for t in _best("random", 30, seed)) for seed in range(2)]
    assert np.mean(losses) < np.mean(at_random) / 2


@pytest.mark.parametrize("name", NAMES)
def test_the_same_history_and_seed_propose_the_same(name: str):
    """So that a trial could be proposed again; and the direction makes no difference."""
    assert _best(name, 12, 5) == _best(name, 12, 5) == _best(name, 12, 5, sign=-1)


def _study(points: list[tuple[float, float]]) -> optuna.Study:
    """A study of one number in [0, 1]."""
    study = optuna.create_study()
    distribution = optuna.distributions.FloatDistribution(0, 1)
    for x, value in points:
        study.add_trial(
            create_trial(params={"x": x}, distributions={"x": distribution}, value=value)
        )
    return study


def _proposed(study: optuna.Study, seed: int) -> float:
    study.sampler = GpSampler(seed)
    return study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}).params["x"]


def test_what_runs_is_not_proposed_again():
    """Of five points three are known and one runs: the last one is next."""
    study, distribution = optuna.create_study(), optuna.distributions.IntDistribution(0, 4)
    for x in (0, 1, 2, 4):
        study.add_trial(
            create_trial(
                state=TrialState.RUNNING if x == 2 else TrialState.COMPLETE,
                params={"x": x},
                distributions={"x": distribution},
                value=None if x == 2 else float(x),
            )
        )
    study.sampler = GpSampler(0, startup=2)
    assert study.ask({"x": distribution}).params == {"x": 3}


def test_what_violates_a_constraint_is_kept_away_from():
    """It counts as worst, whatever it was worth."""
    study = _study([(x, abs(x - 0.9)) for x in np.linspace(0, 0.5, 9)])
    distribution = optuna.distributions.FloatDistribution(0, 1)
    for x in np.linspace(0.55, 1, 6):
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED,
                params={"x": x},
                distributions={"x": distribution},
                system_attrs={"constraints": [1.0]},
            )
        )
    assert all(_proposed(study, seed) < 0.56 for seed in range(5))


def test_a_range_that_changed_is_drawn_at_random():
    """Values of two ranges cannot be compared."""
    study = _study([(x, x) for x in np.linspace(0, 1, 9)])
    study.sampler = GpSampler(0)
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 2)})
    assert 0 <= trial.params["x"] <= 2


def test_auto_takes_turns():
    """Every fourth trial is chosen by TPE; from a thousand on all, and for several objectives."""
    sampler, study = samplers.make("auto", 0), optuna.create_study()
    several = optuna.create_study(directions=["minimize", "minimize"])

    assert isinstance(sampler, AutoSampler)

    def sampler_for(study: optuna.Study, number: int) -> type[BaseSampler]:
        trial = create_trial(value=0.0)
        trial.number = number
        return type(sampler._sampler_for(study, trial))

    assert sampler_for(study, 10) is GpSampler
    assert sampler_for(study, 12) is GpSampler
    assert sampler_for(study, 11) is sampler_for(study, MANY) is optuna.samplers.TPESampler
    assert sampler_for(several, 10) is optuna.samplers.TPESampler


def test_normal_scores_go_by_rank():
    """An infinite loss is one place behind the worst, and equal losses are equal."""
    scores = normal_scores(np.array([1.0, 1e9, 0.5, np.inf, 1.0]))
    assert scores[0] == scores[4]
    assert list(np.argsort(scores, kind="stable")) == [2, 0, 4, 1, 3]


def test_expected_improvement_is_the_mean_of_improvements():
    """As two million draws find it."""
    draws = np.random.default_rng(0).normal(0.3, 0.5, 2_000_000)
    expected = np.maximum(0.1 - draws, 0).mean()
    closed = expected_improvement(0.1, np.array([0.3]), np.array([0.5]))
    assert closed[0] == pytest.approx(expected, rel=5e-3)


def _refusals(name: str, seed: int, *, told: bool) -> list[bool]:
    """Whether each trial is refused: beyond a border that the loss draws it to.

    Args:
        told: Whether trials say how far away from the border they are.
    """
    study = optuna.create_study()
    refused = []
    for number in range(40):
        study.sampler = samplers.make(name, samplers.trial_seed(seed, number))
        trial = study.ask()
        x, y = (trial.suggest_float(axis, 0, 1) for axis in "xy")
        is_refused = x + y > 1
        refused.append(is_refused)
        margin = x + y - 1 if told else 1.0
        if told or is_refused:
            study._storage.set_trial_system_attr(trial._trial_id, "constraints:sum", margin)
        study.tell(trial, None, TrialState.PRUNED) if is_refused else study.tell(trial, -x - y)
    return refused


@pytest.mark.parametrize(("told", "most"), [(True, 0), (False, 5)])
def test_where_trials_are_refused_is_learned(told: bool, most: int):
    """Of the last twenty few are refused, although the best ones lie at the border.

    None is where each trial says how far away it is, as constraints on numbers do.
    """
    assert sum(_refusals("gp", 0, told=told)[20:]) <= most
