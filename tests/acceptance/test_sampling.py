"""What real workers are given to train."""

from __future__ import annotations

import json

import optuna
import pytest

from storage import trials
from tests.support.working import STEADY, Workplace
from tuner.datasets import DataSpec

pytestmark = pytest.mark.keras

IRIS = DataSpec(source="iris")
SMALL = ("layers=1", "units=8", "normalization=none", "batch_size=64")
SMALLER = {one.partition("=")[0] for one in SMALL}
STEADY_AND_SMALL = (*(one for one in STEADY if one.partition("=")[0] not in SMALLER), *SMALL)
EIGHT = (
    *(one for one in STEADY_AND_SMALL if not one.startswith(("learning_rate", "activation"))),
    *("learning_rate=0.001,0.01", "activation=relu,tanh", "amsgrad=false", "epochs=1,2"),
)


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_a_small_space_is_gone_through_without_repeats(place: Workplace, sampler: str):
    """Eight trials are the eight points, whether they are planned or drawn."""
    study = place.study(f"eight-{sampler}", budget=8, overrides=EIGHT, sampler=sampler, data=IRIS)
    place.work(study)
    points = [json.dumps(t.hyperparameters) for t in trials.list_trials(place.store, study)]
    assert len(points) == len(set(points)) == 8


@pytest.mark.parametrize("sampler", ["qmc", "cmaes", "nsga2"])
def test_other_samplers_end_a_study(place: Workplace, sampler: str):
    """Also beyond the trials at random that CMA-ES begins with."""
    free = ("learning_rate", "dropout", "penalty")
    overrides = [one for one in STEADY_AND_SMALL if not one.startswith(free)]
    study = place.study(
        f"others-{sampler}",
        budget=12,
        overrides=(*overrides, "epochs=1", "dropout=0..0.5", "penalty=0"),
        sampler=sampler,
        data=IRIS,
    )
    place.work(study)
    found = trials.list_trials(place.store, study)
    assert [t.state for t in found] == ["complete"] * 12
    points = {(t.hyperparameters["learning_rate"], t.hyperparameters["dropout"]) for t in found}
    assert len(points) == 12
    noted = optuna.load_study(study_name=study.name, storage=place.url).trials[-1].system_attrs
    assert any(name.startswith("cma:") for name in noted) == (sampler == "cmaes")
