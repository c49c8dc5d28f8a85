"""Higher may be better: ranks, limits and what is shown follow the study's direction."""

from __future__ import annotations

import optuna
import pytest

from storage import leases, overview, studies, study_states, trial_actions, trials, workers
from storage.database.engine import Store
from storage.pruning import MedianRule
from storage.studies import Limits
from storage.trial_annotations import list_annotations
from tests.support.stores import claim, complete, expire, make, report

MEDIAN = MedianRule()


def test_the_highest_is_the_best_everywhere(store: Store):
    """In our views and in Optuna's, values stand as they were reported."""
    study = make(store, budget=3, maximize=True)
    for value in (0.5, 0.9, 0.7):
        held = claim(store, study)
        for epoch, reached in enumerate((value - 0.2, value, value - 0.1), start=1):
            report(store, held, epoch, reached)
        leases.finish(store, held, complete(value))
    assert [t.value for t in trials.list_trials(store, study)] == [0.5, 0.9, 0.7]
    assert [t.number for t in trials.best(store, study, count=2)] == [1, 2]
    assert {c.value for c in list_annotations(store, study).values()} == {0.5, 0.9, 0.7}
    best = overview.status(store, study).best
    assert best is not None
    assert (best.value, best.best_epoch) == (0.9, 2)
    seen = optuna.load_study(study_name=study.name, storage=store.optuna)
    assert (seen.best_value, seen.direction.name) == (0.9, "MAXIMIZE")
    assert seen.trials[0].intermediate_values == pytest.approx({1: 0.3, 2: 0.5, 3: 0.4})


def test_the_lowest_are_pruned(store: Store):
    """Where the highest value is wanted."""
    study = make(store, budget=4, maximize=True)
    answers = [report(store, claim(store, study), 1, value, MEDIAN) for value in (5, 7, 6, 4)]
    assert answers == [False, False, False, True]


def test_a_target_is_reached_from_below(store: Store):
    """It is told as it was given, and dropped when the study is extended."""
    study = make(store, budget=5, maximize=True, limits=Limits(target=0.8))
    leases.finish(store, claim(store, study), complete(0.7))
    assert studies.refresh(store, study).state == "running"
    held = claim(store, study)
    report(store, held, 1, 0.85)
    leases.finish(store, held, complete(0.85))
    study = studies.refresh(store, study)
    assert (study.state, study.reason) == ("finished", "the target 0.8 was reached")
    assert study.limits.target == 0.8
    assert study_states.extend(store, study, by=1).limits.target is None


def test_a_trial_that_is_ended_by_hand_keeps_its_highest(store: Store):
    """As the value that it is compared by."""
    study = make(store, maximize=True)
    held = claim(store, study, "ada")
    report(store, held, 1, 0.6)
    expire(store, held)
    assert trial_actions.end_trial(store, study, 0) == "ended"
    assert [(t.state, t.value) for t in trials.list_trials(store, study)] == [("pruned", 0.6)]


def test_a_worker_shows_the_highest_of_its_trial(store: Store):
    """Not the latest."""
    study = make(store, maximize=True)
    workers.enter(store, study, worker_id="ada", host="here", pid=1, device="1 thread")
    held = claim(store, study, "ada")
    for epoch, value in enumerate((0.2, 0.6, 0.4), start=1):
        report(store, held, epoch, value)
    assert [w.value for w in workers.list_workers(store, study)] == [0.6]


def test_a_zero_has_no_sign(store: Store):
    """What is worst where the highest is wanted is read as 0, not as -0."""
    study = make(store, budget=1, maximize=True)
    held = claim(store, study)
    report(store, held, 1, 0.0)
    leases.finish(store, held, complete(0.0))
    (trial,) = trials.list_trials(store, study)
    (annotation,) = list_annotations(store, study).values()
    assert [f"{trial.value:g}", f"{annotation.value:g}"] == ["0", "0"]
