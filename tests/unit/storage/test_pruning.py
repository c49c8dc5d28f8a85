"""Pruning rules, by examples that a reader can check."""

from __future__ import annotations

import dataclasses
import json

import pytest

from storage.pruning import AshaRule, HyperbandRule, MedianRule, NoPruning, PromotionRule
from tuner.search import pruners
from tuner.search.pruners import PRUNERS


def test_the_median_rule_asks_after_every_epoch_from_the_warm_up_on():
    """Early losses say little: nothing is decided before the warm-up."""
    rule = MedianRule(warmup=3)
    assert [epoch for epoch in range(1, 7) if rule.is_rung(epoch)] == [3, 4, 5, 6]


def test_asha_asks_at_rungs_that_grow_by_the_reduction():
    """Rungs are warmup * reduction**k."""
    rule = AshaRule(warmup=2, reduction=3)
    assert [epoch for epoch in range(1, 60) if rule.is_rung(epoch)] == [2, 6, 18, 54]


def test_without_pruning_there_are_no_rungs():
    """Kind none never decides."""
    assert not any(NoPruning().is_rung(epoch) for epoch in range(1, 100))


@pytest.mark.parametrize(
    ("others", "better", "pruned"),
    [
        (1, 0, False),  # better than the only other one
        (1, 1, True),
        (2, 1, False),  # between two
        (2, 2, True),
        (3, 1, False),
        (3, 2, True),  # the median of three is better than it
        (4, 2, False),  # in the middle of four: not worse than their upper median
        (4, 3, True),
    ],
)
def test_median_stops_what_is_worse_than_half_of_the_others(others: int, better: int, pruned: bool):
    """A trial is stopped if more than half of the others are better."""
    assert (better >= MedianRule().cut(others)) is pruned


@pytest.mark.parametrize(
    ("others", "better", "pruned"),
    [
        (1, 0, False),  # the best of two
        (1, 1, True),  # one of two may pass at reduction 3
        (2, 1, True),  # one of three passes
        (5, 1, False),  # two of six pass
        (5, 2, True),
        (8, 2, False),  # three of nine pass
        (8, 3, True),
    ],
)
def test_asha_lets_the_best_third_pass(others: int, better: int, pruned: bool):
    """At reduction 3 a trial goes on if it is among the best third, at least among the best one."""
    assert (better >= AshaRule(reduction=3).cut(others)) is pruned


@pytest.mark.parametrize("name", PRUNERS)
def test_a_rule_round_trips(name: str):
    """A study keeps its rule as JSON, under a kind that is among the names."""
    rule = dataclasses.replace(PRUNERS[name], warmup=7)
    assert pruners.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


def test_rules_of_earlier_versions_are_read():
    """They had the numbers of all kinds, whichever theirs was."""
    numbers = {"warmup": 2, "startup": 3, "reduction": 4, "brackets": 5}
    rules = [pruners.from_dict({"kind": kind, **numbers}) for kind in ("none", "median", "asha")]
    asha = AshaRule(warmup=2, startup=3, reduction=4)
    assert rules == [NoPruning(warmup=2), MedianRule(warmup=2, startup=3), asha]


@pytest.mark.parametrize(("reached", "passes"), [(1, 1), (2, 1), (5, 1), (6, 2), (30, 10)])
def test_a_third_of_those_that_reached_a_rung_may_be_promoted(reached: int, passes: int):
    """The best one always; the others rest, where asha ends them."""
    rule = PRUNERS["asha-promotion"]
    assert isinstance(rule, PromotionRule)
    assert rule.passes(reached) == passes
    assert [epoch for epoch in range(1, 30) if rule.is_rung(epoch)] == [1, 3, 9, 27]
    assert (rule.most_resting, AshaRule().most_resting) == (50, 0)


HYPERBAND = HyperbandRule(warmup=1, startup=1, reduction=3, brackets=3)


def test_hyperband_begins_later_in_each_bracket():
    """Rungs are warmup * reduction**(bracket + k)."""
    rungs = [
        [epoch for epoch in range(1, 40) if HYPERBAND.is_rung(epoch, number)]
        for number in (0, 9, 14)
    ]
    assert rungs == [[1, 3, 9, 27], [3, 9, 27], [9, 27]]


def test_hyperband_has_as_many_trials_in_each_bracket_as_the_paper():
    """For eta 3 and three brackets: 9, 5 and 3, over and over."""
    brackets = [HYPERBAND.bracket(number) for number in range(34)]
    assert brackets == ([0] * 9 + [1] * 5 + [2] * 3) * 2


def test_trials_meet_within_their_bracket_only():
    """At one epoch, every bracket has a place of its own; without brackets it is the epoch."""
    places = {HYPERBAND.meeting(epoch, n) for epoch in (3, 9) for n in (0, 9, 14)}
    assert len(places) == 6
    assert [AshaRule().meeting(epoch, 5) for epoch in (1, 2, 7)] == [1, 2, 7]
