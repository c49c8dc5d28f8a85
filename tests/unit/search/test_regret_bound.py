"""How much better a study could still get, and what ends it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from storage import claiming, leases, studies, study_attributes, trials
from storage.claiming import StudyOver
from storage.database.engine import open_store
from storage.leases import Claim
from storage.outcomes import Outcome
from storage.trials import Suggestion
from tests.support.stores import make
from tuner.search.flat_study import FlatStudy
from tuner.search.surrogates.regret_bound import LEAST, STALE, regret_bound

SPACE = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}


def bowl(count: int, *, sign: int = 1, height: float = 1.0) -> list[FrozenTrial]:
    """Trials at random around the best one, which is the first."""
    draws = np.random.default_rng(0).uniform(size=(count, 2))
    draws[0] = 0.5
    return [
        create_trial(
            params={"x": x, "y": y},
            distributions=SPACE,  # type: ignore[arg-type]
            value=sign * height * ((x - 0.5) ** 2 + (y - 0.5) ** 2 + 1),
        )
        for x, y in draws.tolist()
    ]


def test_a_bowl_is_flat_where_its_bottom_was_found():
    """The bound is in the unit of the objective, and the direction makes no difference."""
    bound = regret_bound(bowl(60), 1, 0)
    assert bound is not None
    assert (bound.best, bound.stale) == (1.0, 59)
    assert bound.is_flat
    assert 0 < bound.better < 0.1
    tall, upside_down = (
        regret_bound(bowl(60, height=50), 1, 0),
        regret_bound(bowl(60, sign=-1), -1, 0),
    )
    assert tall is not None
    assert tall.better == pytest.approx(50 * bound.better, rel=1e-3)
    assert upside_down == bound


def test_a_study_that_has_just_become_better_is_not_flat():
    """A model that was surprised is not trusted."""
    past = bowl(60)
    bound = regret_bound([*past[STALE:], *past[:STALE]], 1, 0)
    assert bound is not None
    assert bound.stale == STALE - 1
    assert not bound.is_flat


def test_a_slope_that_was_half_seen_is_not_flat():
    """Where nobody has been, it could go on down."""
    xs = np.random.default_rng(1).uniform(size=(40, 2)) * [1.0, 0.05]
    points = sorted(xs.tolist(), key=lambda point: point[0] - 9 * point[1])
    past = [
        create_trial(
            params={"x": x, "y": y},
            distributions=SPACE,  # type: ignore[arg-type]
            value=x - 9 * y,
        )
        for x, y in points
    ]
    bound = regret_bound(past, 1, 0)
    assert bound is not None
    assert not bound.is_flat
    assert bound.better > bound.spread


def test_few_trials_equal_ones_or_no_parameters_say_little():
    """Equal losses cannot be better by anything that was seen."""
    assert regret_bound(bowl(LEAST - 1), 1, 0) is None
    assert regret_bound([], 1, 0) is None
    assert regret_bound([create_trial(value=1.0)] * LEAST, 1, 0) is None
    equal = regret_bound([with_value(t, 3.0) for t in bowl(LEAST)], 1, 0)
    assert equal is not None
    assert (equal.better, equal.noise) == (0.0, 0.0)
    refused = create_trial(
        state=TrialState.PRUNED, params={"x": 0.9, "y": 0.9}, distributions=SPACE
    )  # type: ignore[arg-type]
    assert regret_bound([*bowl(LEAST), refused], 1, 0) is not None


def with_value(trial: FrozenTrial, value: float) -> FrozenTrial:
    """The same trial with another value."""
    return create_trial(params=trial.params, distributions=trial.distributions, value=value)


@pytest.mark.parametrize("asked", [True, False])
def test_a_worker_ends_a_flat_study(tmp_path: Path, asked: bool):
    """Once enough trials have ended; the reason says how much better it could get."""
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    study = make(store, budget=100)
    if asked:
        study_attributes.write(store, study, study_attributes.STOP_WHEN_FLAT, True)
    flat_study = FlatStudy(store, study, seed=0)
    ended = 0
    for past in bowl(LEAST + 5):
        flat_study.end_if_flat()
        answer = claiming.claim(store, study, "ada")
        if isinstance(answer, StudyOver):
            break
        assert isinstance(answer, Claim)
        chosen = Suggestion(
            hyperparameters=past.params,
            params=past.params,
            distributions=past.distributions,
            seed=0,
        )
        trials.begin(store, answer, chosen)
        leases.finish(store, answer, Outcome(state="complete", value=past.value))
        ended += 1
    now = studies.refresh(store, study)
    store.close()
    assert ended == (LEAST if asked else LEAST + 5)
    if asked:
        assert now.state == "finished"
        assert now.reason is not None
        assert now.reason.startswith("flat: 1 could be better by 0.")
