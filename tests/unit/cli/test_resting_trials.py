"""Trials that rest, as commands, pages and those who watch show them."""

from __future__ import annotations

import pytest

from storage import leases, overview, trial_annotations
from storage.outcomes import Outcome
from storage.pruning import PromotionRule
from tests.support import stores
from tests.support.trials import WORKER, begin, complete, enter
from tests.support.typed import Typed
from tests.unit.cli.conftest import Launched
from tuner.dashboard.pages import render
from tuner.dashboard.study_pages import study_context
from tuner.monitoring import prometheus, study_notes
from tuner.monitoring.live_view import Watch

RULE = PromotionRule(warmup=1, reduction=2)


@pytest.fixture
def resting(launched: Launched) -> Launched:
    """One complete trial, two that rest, and one that rested and was resumed."""
    store, study = launched.store, launched.study
    enter(store, study)
    first = begin(store, study)
    stores.report(store, first, 1, 0.1, RULE)
    complete(store, first, [0.1])
    for value in (0.2, 0.3, 0.4):
        held = begin(store, study)
        assert stores.report(store, held, 1, value, RULE)
        leases.rest(store, held, Outcome(state="pruned", value=value, seconds=1.5), keep=9)
    assert stores.claim(store, study, WORKER).number == 1
    return launched


def test_commands_show_them(resting: Launched, tuner: Typed):
    """As a state of trials, with how often one was resumed."""
    status = tuner.json("status", "mlp-digits")
    assert status["trials"]["resting"] == 2
    assert status["promotions"] == 1
    shown = tuner("status", "mlp-digits").stdout
    assert "1 of 4 trials: 1 complete; 2 resting" in shown
    assert "A resting trial was resumed once" in shown
    states = [trial["state"] for trial in tuner.json("trials", "mlp-digits")]
    assert states == ["complete", "running", "resting", "resting"]


def test_who_watches_sees_them(resting: Launched):
    """The note for Optuna's dashboard, Prometheus, our page; no guess of the time that is left."""
    store, study = resting.store, resting.study
    status = overview.status(store, study)
    assert "2 resting" in study_notes.note(status)
    assert "a resting trial was resumed once" in study_notes.note(status)
    text = prometheus.text(store)
    assert 'tuner_trials{state="resting",study="mlp-digits"} 2.0' in text
    assert 'tuner_promotions{study="mlp-digits"} 1.0' in text
    failures = trial_annotations.failures(store, study, count=9)
    html = render("study.html", **study_context(status, failures, None))
    assert "2 resting" in html
    assert "a resting trial was resumed once" in html
    assert Watch(store, study).look().seconds_left is None
