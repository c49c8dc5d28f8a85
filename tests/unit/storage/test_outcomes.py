"""Outcomes: what may be written as the end of a trial."""

from __future__ import annotations

import math

import pytest

from storage import leases
from storage.database.engine import Store
from storage.outcomes import INFEASIBLE, Failure, Outcome
from storage.sampling.sampler_storage import SamplerStorage
from tests.support.stores import claim, complete, make


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_complete_trial_has_a_finite_value(value: float | None):
    """Optuna takes an infinite value for a good one, and a NaN for a failure."""
    with pytest.raises(ValueError, match="Expected a finite value"):
        Outcome(state="complete", value=value)


@pytest.mark.parametrize("state", ["pruned", "failed"])
def test_other_trials_may_have_no_value(state: str):
    """A trial may end before its first epoch."""
    assert Outcome(state=state).value is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_pruned_trial_has_a_finite_value_or_none(value: float):
    """What is no number cannot be ranked, and MySQL cannot store it."""
    with pytest.raises(ValueError, match="Expected a finite value"):
        Outcome(state="pruned", value=value)


def test_losses_and_bugs_teach_the_sampler_nothing():
    """Only what follows from the hyperparameters is a constraint on them."""
    assert {"out_of_memory", "diverged", "oversized", "infeasible", "timeout"} == INFEASIBLE


def test_samplers_see_margins_of_all_trials(store: Store):
    """Also of those that were possible; a failure that is no refusal looks failed to them."""
    study = make(store)
    near, far, broken = (claim(store, study) for _ in range(3))
    leases.finish(store, near, complete(constraints={"1: units<=64": -0.5}))
    refused = Outcome(
        state="failed",
        failure=Failure(kind="infeasible", message=""),
        constraints={"1: units<=64": 0.7},
    )
    leases.finish(store, far, refused)
    bug = Outcome(
        state="failed",
        failure=Failure(kind="error", message=""),
        constraints={"1: units<=64": -0.5},
    )
    leases.finish(store, broken, bug)
    trials = SamplerStorage(store).get_all_trials(study.study_id)
    assert [t.state.name for t in trials] == ["COMPLETE", "PRUNED", "FAIL"]
    assert trials[0].constraints == {"1: units<=64": -0.5}
    assert trials[1].constraints == {"1: units<=64": 0.7, "infeasible": 1.0}
