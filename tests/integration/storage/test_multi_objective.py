"""Several objectives: a real multi-objective study of Optuna, pruned by the first of them."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import TrialState

from storage import leases, overview, pareto, studies, trial_actions, trials
from storage.database.engine import Store
from storage.leases import Claim
from storage.outcomes import Outcome
from storage.pruning import MedianRule
from storage.sampling.sampler_storage import SamplerStorage
from storage.studies import Study
from tests.support.stores import claim, complete, contents, expire, failed, make, report
from tuner.search import samplers

MEDIAN = MedianRule()
POINTS = [(0.5, 10.0, 0.9), (0.4, 30.0, 0.8), (0.6, 30.0, 0.9), (0.4, 20.0, 0.8), (0.9, 5.0, 0.1)]
FRONT = [3, 0, 4]  # by the first objective; the third one is better the higher


def several(store: Store, name: str = "study", **more: object) -> Study:
    """A study that minimizes two objectives and maximizes the third."""
    return make(store, name, budget=40, further=[False, True], names=["a", "b", "c"], **more)


def end(store: Store, study: Study, values: tuple[float, ...]) -> Claim:
    held = claim(store, study)
    report(store, held, 1, values[0])
    leases.finish(store, held, complete(values[0], further=values[1:]))
    return held


def optunas(store: Store, study: Study) -> optuna.Study:
    return optuna.load_study(study_name=study.name, storage=store.optuna)


@pytest.mark.mariadb
def test_optuna_sees_a_study_with_its_directions_and_all_values(store: Store):
    """By the names of the objectives; and so do we."""
    study = several(store)
    for values in POINTS:
        end(store, study, values)
    seen = optunas(store, study)
    assert [way.name for way in seen.directions] == ["MINIMIZE", "MINIMIZE", "MAXIMIZE"]
    assert seen.metric_names == ["a", "b", "c"]
    assert [tuple(trial.values) for trial in seen.trials] == POINTS
    found = studies.load(store, study.name)
    assert (found.sign, found.further) == (1, (1, -1))
    assert found == studies.list_studies(store)[0] == studies.by_id(store, study.study_id)


@pytest.mark.mariadb
def test_the_front_is_that_of_optuna(store: Store):
    """In our views it is sorted by the first objective; the best one is its first."""
    study = several(store)
    for values in POINTS:
        end(store, study, values)
    leases.finish(store, claim(store, study), failed())
    found = trials.front(store, study)
    assert [t.number for t in found] == FRONT
    assert {t.number for t in found} == {t.number for t in optunas(store, study).best_trials}
    assert [(t.value, *t.further) for t in found] == [POINTS[number] for number in FRONT]
    status = overview.status(store, study)
    assert (list(status.front), status.best) == (found, found[0])
    assert trials.best(store, study) == found[:1]
    assert [t.number for t in trials.best(store, study, count=9)] == [*FRONT, 1, 2]
    first = trials.best(store, study, count=3, first_alone=True)
    assert [t.number for t in first] == [1, 3, 0]


def test_a_new_trial_has_a_place_among_the_others(store: Store):
    """A member of the front goes before everybody who is not, whatever its first objective."""
    study = several(store)
    for values in POINTS:
        end(store, study, values)
    assert pareto.place(store, study, (0.3, 99.0, 0.0)) == 0
    assert pareto.place(store, study, (0.8, 4.0, 0.0)) == 2
    assert pareto.place(store, study, (0.95, 99.0, 0.0)) == len(POINTS)
    assert pareto.place(store, study, POINTS[0]) == 2  # behind its equal


@pytest.mark.mariadb
def test_pruned_and_failed_trials_have_no_values_in_optuna(store: Store):
    """Of a pruned trial only the first objective is known: all or nothing, as Optuna has it."""
    study = several(store)
    end(store, study, (0.5, 1.0, 1.0))
    held = claim(store, study)
    assert report(store, held, 1, 0.9, MEDIAN) is False
    leases.finish(store, held, Outcome(state="pruned"))
    leases.finish(store, held, Outcome(state="pruned"))  # after an answer that was lost
    held = claim(store, study)
    report(store, held, 1, 0.7)
    expire(store, held)
    trial_actions.end_trial(store, study, held.number)
    leases.finish(store, claim(store, study), failed("diverged"))
    seen = optunas(store, study).trials
    assert [t.state.name for t in seen] == ["COMPLETE", "PRUNED", "PRUNED", "FAIL"]
    assert [t.values for t in seen] == [[0.5, 1.0, 1.0], None, None, None]
    assert [t.value for t in trials.list_trials(store, study)] == [0.5, 0.9, 0.7, None]
    assert [t.further for t in trials.list_trials(store, study)] == [(1.0, 1.0), (), (), ()]


def test_the_first_objective_prunes(store: Store):
    """The others are known only at the end."""
    study = several(store)
    answers = [report(store, claim(store, study), 1, value, MEDIAN) for value in (5, 3, 4, 6)]
    assert answers == [False, False, False, True]


@pytest.mark.parametrize(
    "name", [name for name in samplers.SAMPLERS if samplers.SAMPLERS[name].several_objectives]
)
def test_samplers_choose_with_pruned_and_failed_trials_behind_them(store: Store, name: str):
    """More than TPE waits for, of each kind; its own ranking of pruned trials would raise."""
    study = several(store)
    for number in range(36):
        held = claim(store, study)
        params, attributes = choose(store, study, held, name)
        begin(store, held, params, attributes)
        report(store, held, 1, params["x"])
        leases.finish(store, held, outcome(number, params["x"]))
    held = claim(store, study)
    params, attributes = choose(store, study, held, name)
    assert 0 <= params["x"] <= 1
    if name == "nsga2":  # a first generation of twenty trials was complete
        assert 1 in attributes.values()
    states = [t.state for t in optunas(store, study).trials]
    assert states.count(TrialState.PRUNED) == states.count(TrialState.FAIL) == 6


def outcome(number: int, x: float) -> Outcome:
    """Two of three trials are complete."""
    if number % 3:
        return complete(x, further=(1 - x, x * x))
    return failed("diverged") if number % 2 else Outcome(state="pruned")


def choose(store: Store, study: Study, held: Claim, name: str) -> tuple[dict, dict]:
    """What a sampler chooses, as a worker asks it."""
    history = SamplerStorage(store, reports=not study.further)
    history.begin(held.trial_id)
    sampler = samplers.make(name, held.number)
    asked = optuna.Study(study.name, history, sampler=sampler)
    history.get_all_trials(study.study_id, deepcopy=False)
    trial = optuna.trial.Trial(asked, held.trial_id)
    trial.suggest_float("x", 0, 1)
    return trial.params, history.attributes


def begin(store: Store, held: Claim, params: dict, attributes: dict) -> None:
    distributions = {"x": optuna.distributions.FloatDistribution(0, 1)}
    suggestion = trials.Suggestion(
        hyperparameters=params,
        params=params,
        distributions=distributions,
        attributes=attributes,
        seed=0,
    )
    trials.begin(store, held, suggestion)


def test_a_study_leaves_nothing_behind(store: Store):
    """When it is deleted no row of any table is left."""
    study = several(store)
    end(store, study, POINTS[0])
    studies.delete(store, study)
    assert not any(contents(store).values())
    assert studies.find(store, study.name) is None
