"""Epochs in, pruning decisions out."""

from __future__ import annotations

import math
import random
import statistics
from collections import defaultdict
from dataclasses import dataclass

import pytest

from storage import claiming, leases, reports, studies, trials
from storage.database.engine import Store
from storage.pruning import (
    AshaRule,
    HyperbandRule,
    MedianRule,
    PruningRule,
    RankingRule,
    TrialAtRung,
)
from tests.support.stores import NEVER, claim, complete, expire, make, report

pytestmark = pytest.mark.mariadb


def best(store: Store, number: int = 0) -> tuple[float | None, int | None, int]:
    """Lowest value, its epoch, and the epochs of the only study's trial."""
    (study,) = studies.list_studies(store)
    record = trials.find(store, study, number)
    return record.value, record.best_epoch, record.epoch


@pytest.mark.parametrize(
    ("losses", "value", "epoch"),
    [
        ([0.5], 0.5, 1),
        ([0.5, 0.4, 0.3], 0.3, 3),
        ([0.3, 0.4, 0.5], 0.3, 1),
        ([0.5, 0.3, 0.3], 0.3, 2),  # as good is not better: the first one stays
        ([0.5, math.nan, 0.4, math.inf], 0.4, 3),
        ([math.nan, 0.5], 0.5, 2),
        ([math.inf, math.nan, -math.inf], None, None),
        ([-0.5, 0.0, 1e300, 5e-324], -0.5, 1),
        ([0.1 + 0.2, 0.3], 0.3, 2),  # no digit is lost
    ],
)
def test_the_best_epoch_is_known(
    store: Store, losses: list[float], value: float | None, epoch: int | None
):
    """The lowest finite value, and the first epoch that had it."""
    held = claim(store, make(store))
    for number, loss in enumerate(losses, start=1):
        report(store, held, number, loss)
    assert best(store) == (value, epoch, len(losses))


def test_a_mean_supersedes_those_before_it(store: Store):
    """A trial of several rounds is worth their mean, not the luckiest one; once each."""
    held = claim(store, make(store))
    for number, value in enumerate((0.5, 0.3, 0.4), start=1):
        for _ in range(2):  # a report may be repeated after a take-over
            reports.write_report(
                store, held, epoch=number, value=value, metrics={}, rule=NEVER, cumulative=True
            )
    assert best(store) == (0.4, 3, 3)


def test_optuna_sees_the_learning_curve(store: Store):
    """Every epoch is a step; NaN and infinities survive."""
    held = claim(store, make(store))
    losses = [0.5, math.nan, math.inf, -math.inf, 0.25]
    for epoch, loss in enumerate(losses, start=1):
        report(store, held, epoch, loss)
    seen = store.optuna.get_trial(held.trial_id).intermediate_values
    assert list(seen) == [1, 2, 3, 4, 5]
    assert [seen[1], seen[3], seen[4], seen[5]] == [0.5, math.inf, -math.inf, 0.25]
    assert math.isnan(seen[2])


def test_an_epoch_reported_twice_stays_as_it_was_first(store: Store):
    """After a take-over epochs are trained again: the curve is that of the first time."""
    study = make(store)
    lost = claim(store, study)
    for epoch, loss in ((1, 0.5), (2, 0.4)):
        report(store, lost, epoch, loss)
    expire(store, lost)
    heir = claim(store, study, "bob")
    for epoch, loss in ((2, 0.45), (3, 0.3)):
        report(store, heir, epoch, loss)
    assert trials.curve(store, heir.trial_id) == [
        {"epoch": 1, "val_loss": 0.5},
        {"epoch": 2, "val_loss": 0.4},
        {"epoch": 3, "val_loss": 0.3},
    ]
    assert store.optuna.get_trial(heir.trial_id).intermediate_values == {1: 0.5, 2: 0.4, 3: 0.3}
    assert best(store) == (0.3, 3, 3)


def test_a_repeated_report_is_answered_as_the_first_time(store: Store):
    """A report whose answer was lost is sent again: it counts once in its rung."""
    study = make(store, budget=9)
    rule = MedianRule(startup=2)
    for value in (0.1, 0.2):
        held = claim(store, study)
        assert not report(store, held, 1, value, rule)
        assert not report(store, held, 1, value, rule)  # one trial twice is not two others
    held = claim(store, study)
    assert report(store, held, 1, 0.3, rule)
    assert report(store, held, 1, 0.3, rule)


def test_nothing_is_pruned_before_its_first_finite_loss(store: Store):
    """What NaN means is the training's affair; it is no rank."""
    study = make(store, budget=9)
    rule = MedianRule()
    report(store, claim(store, study), 1, 0.1, rule)
    assert not report(store, claim(store, study), 1, math.nan, rule)


@pytest.mark.parametrize("kind", [MedianRule, AshaRule])
def test_nothing_is_pruned_among_too_few(store: Store, kind: type[RankingRule]):
    """The worst trial goes on until enough others reached its epoch."""
    study = make(store, budget=9)
    rule = kind(startup=3)
    answers = [report(store, claim(store, study), 1, 0.1 * i, rule) for i in range(1, 6)]
    assert answers == [False, False, False, True, True]


def test_trials_of_other_studies_do_not_prune(store: Store):
    """Each study has its own rungs."""
    rule = MedianRule()
    other = claim(store, make(store, "other"))
    report(store, other, 1, 0.1, rule)
    held = claim(store, make(store, "study"))
    assert not report(store, held, 1, 0.9, rule)


class Reference:
    """The pruning rules as their papers state them, over plain lists."""

    def __init__(self, rule: RankingRule) -> None:
        self.rule = rule
        self.best: dict[int, float] = defaultdict(lambda: math.inf)
        self.rungs: dict[int, dict[int, float]] = defaultdict(dict)

    def report(self, trial: int, epoch: int, value: float) -> bool:
        """Whether to prune the trial after this epoch."""
        self.best[trial] = min(self.best[trial], value)
        best = self.best[trial]
        met = {n: b for n, b in self.rungs[epoch].items() if self.bracket(n) == self.bracket(trial)}
        others = [b for number, b in met.items() if number != trial]
        self.rungs[epoch][trial] = best
        if not self.decides(epoch, trial) or len(others) < self.rule.startup:
            return False
        if self.rule.kind == "median":
            return best > statistics.median_high(others)
        passing = sorted([*others, best])[: max(1, (len(others) + 1) // self.rule.reduction)]
        return best > passing[-1]

    def bracket(self, trial: int) -> int:
        """With two brackets at reduction 2, both begin with two trials."""
        return (0, 0, 1, 1)[trial % 4] if self.rule.kind == "hyperband" else 0

    def decides(self, epoch: int, trial: int) -> bool:
        if self.rule.kind == "median":
            return epoch >= self.rule.warmup
        later = range(self.bracket(trial), 10)
        rungs = {self.rule.warmup * self.rule.reduction**k for k in later}
        return self.rule.kind in ("asha", "hyperband") and epoch in rungs


@pytest.mark.parametrize(
    "rule",
    [
        MedianRule(warmup=2, startup=3),
        AshaRule(warmup=1, startup=1, reduction=2),
        AshaRule(warmup=2, startup=4, reduction=3),
        HyperbandRule(warmup=1, startup=1, reduction=2, brackets=2),
    ],
    ids=lambda rule: rule.kind,
)
def test_decisions_are_those_of_the_rule(store: Store, rule: RankingRule):
    """Random losses (with ties) of trials that train side by side: every answer is the paper's."""
    rng = random.Random(7)
    study = make(store, budget=24)
    reference = Reference(rule)
    live = [claim(store, study, f"worker {i}") for i in range(4)]
    epochs = dict.fromkeys(range(24), 0)
    pruned = 0
    while live:
        held = rng.choice(live)
        epochs[held.number] += 1
        epoch, value = epochs[held.number], rng.randrange(30) / 30
        answer = report(store, held, epoch, value, rule)
        assert answer is reference.report(held.number, epoch, value)
        pruned += answer
        if answer or epoch == 9:
            live.remove(held)
            leases.finish(store, held, complete(reference.best[held.number]))
            following = claiming.claim(store, study, held.worker_id)
            live += [following] if isinstance(following, leases.Claim) else []
    assert pruned


def test_a_rule_of_none_prunes_nothing(store: Store):
    """However bad a trial is."""
    study = make(store, budget=9)
    answers = [report(store, claim(store, study), 1, value, NEVER) for value in (0.1, 0.2, 9e9)]
    assert answers == [False] * 3


@dataclass(frozen=True, kw_only=True)
class Limit(PruningRule):
    """Prunes what is above a limit, which no rank says."""

    kind = "limit"

    def rejects(self, trial: TrialAtRung) -> bool:
        return trial.best is not None and trial.best > 1 / trial.epoch + trial.number


def test_a_rule_may_go_by_a_trial_alone(store: Store):
    """By its number, its epoch and its best value so far, of which NaN is none."""
    study, rule = make(store, budget=9), Limit(warmup=2)
    first, second = claim(store, study), claim(store, study)
    values = [9.0, math.nan, 0.35, 0.3, 0.2]
    answers = [report(store, first, epoch, value, rule) for epoch, value in enumerate(values, 1)]
    assert answers == [False, True, True, True, False]  # the limit is 1/2, 1/3, 1/4, 1/5
    assert not report(store, second, 3, 1.3, rule)
    assert report(store, claim(store, study), 2, math.nan, rule) is False
