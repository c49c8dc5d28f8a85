"""Outcomes: what may be written as the end of a trial."""

from __future__ import annotations

import math

import pytest

from storage.outcomes import INFEASIBLE, Outcome


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
    assert {"out_of_memory", "diverged", "oversized", "timeout"} == INFEASIBLE
