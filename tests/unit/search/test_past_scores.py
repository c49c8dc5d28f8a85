"""What past studies found, as a new one keeps it and samplers learn it."""

from __future__ import annotations

import json

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import create_trial

from tuner.search import samplers
from tuner.search.past_scores import LARGEST, MOST, PastScores, normal_scores, tried_first
from tuner.search.surrogates import known_points
from tuner.search.surrogates.past_mean import FADES, PastMean
from tuner.search.surrogates.point_encoding import PointEncoding

SPACE = {"x": FloatDistribution(0, 1), "kind": CategoricalDistribution(["a", "b"])}


def bowl(count: int, at: float) -> PastScores:
    """Points of a study whose best x is at a place, with kind b."""
    xs = np.linspace(0, 1, count)
    points = [{"x": float(x), "kind": "ab"[i % 2]} for i, x in enumerate(xs)]
    losses = [abs(p["x"] - at) + (p["kind"] == "a") for p in points]
    order = np.argsort(losses, kind="stable")
    scores = normal_scores(losses)
    return PastScores(
        points=tuple(points[i] for i in order), scores=tuple(scores[i] for i in order)
    )


def test_scores_are_those_that_samplers_give_their_own_trials():
    """Equal losses have equal scores."""
    losses = [3.0, 1.0, 2.0, 2.0, -7.5]
    assert normal_scores(losses) == pytest.approx(known_points.normal_scores(np.array(losses)))


def test_what_is_kept_comes_back():
    """With values that are None, and without those that a point lacks."""
    past = PastScores(points=({"x": None, "k": "a"}, {"x": 2}, {}), scores=(-1.0, 0.0, 1.0))
    assert PastScores.from_dict(json.loads(json.dumps(past.to_dict()))) == past


def test_what_is_kept_fits_a_row():
    """Many points are thinned, the best ones stay; long ones are thinned further."""
    past = bowl(1000, 0.3)
    thinned = past.thinned()
    assert len(thinned.points) == MOST
    assert thinned.points[:40] == past.points[:40]
    assert list(thinned.scores) == sorted(thinned.scores)
    assert thinned.scores[-1] > 1.5
    long = PastScores(points=({"x": "y" * 9_000},) * 100, scores=(0.0,) * 100)
    assert len(json.dumps(long.to_dict())) <= LARGEST


def test_a_quarter_of_the_budget_is_tried_first():
    """Of points that differ; at least one, at most five."""
    points = [{"x": 1}, {}, {"x": 1}, *({"x": n} for n in range(2, 9))]
    assert tried_first(points, 1) == [{"x": 1}]
    assert tried_first(points, 12) == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert len(tried_first(points, 1000)) == 5


def test_the_mean_is_low_where_past_points_were_good_and_fades():
    """In proportion to the trials that have ended, to nothing."""
    encoding = PointEncoding(SPACE)
    rows = encoding.encode([{"x": 0.3, "kind": "b"}, {"x": 0.9, "kind": "b"}])
    whole, half = (PastMean(bowl(40, 0.3), encoding, n)(rows) for n in (0, FADES // 2))
    assert whole[0] < whole[1] < 0.5
    assert half == pytest.approx(whole / 2)
    assert not PastMean(bowl(40, 0.3), encoding, FADES)


def test_past_points_of_another_space_say_nothing_of_it():
    """Values outside are left out, and parameters that none has make no difference."""
    past = bowl(40, 0.3)
    stranger = {"x": FloatDistribution(2, 3), "kind": CategoricalDistribution(["c", "d"])}
    assert not PastMean(past, PointEncoding(stranger), 0)
    wider = PointEncoding({**SPACE, "new": FloatDistribution(0, 1)})
    rows = wider.encode([{"x": 0.3, "kind": "b", "new": new} for new in (0.1, 0.9)])
    means = PastMean(past, wider, 0)(rows)
    assert means[0] == means[1]


@pytest.mark.parametrize("name", ["gp", "forest", "auto"])
def test_a_study_with_a_past_looks_there_first(name: str):
    """From the second trial on; one without draws far from what it knows."""
    study = optuna.create_study()
    params = {"x": 0.35, "kind": "b"}
    study.add_trial(create_trial(params=params, distributions=SPACE, value=0.05))  # type: ignore[arg-type]
    for number in range(4):
        study.sampler = samplers.make(name, number, bowl(40, 0.3))
        trial = study.ask(SPACE)  # type: ignore[arg-type]
        assert trial.params["kind"] == "b"
        assert trial.params["x"] == pytest.approx(0.3, abs=0.15)
        study.tell(trial, abs(trial.params["x"] - 0.3))


def test_a_past_that_misleads_is_overcome():
    """The best place is where the past was worst: it is found before the past is forgotten."""
    study = optuna.create_study()
    for number in range(FADES):
        study.sampler = samplers.make("gp", number, bowl(40, 0.1))
        trial = study.ask(SPACE)  # type: ignore[arg-type]
        study.tell(trial, abs(trial.params["x"] - 0.9) + (trial.params["kind"] == "b"))
    assert study.best_params["x"] > 0.7
    assert study.best_params["kind"] == "a"


def test_the_same_past_and_seed_propose_the_same():
    """A trial could be proposed again."""

    def values() -> list[object]:
        study = optuna.create_study()
        for number in range(8):
            study.sampler = samplers.make("auto", number, bowl(40, 0.3))
            trial = study.ask(SPACE)  # type: ignore[arg-type]
            study.tell(trial, abs(trial.params["x"] - 0.4))
        return [trial.params for trial in study.trials]

    assert values() == values()
