"""A rung tells whether enough trials are better, in any order of arrival."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from storage.database import schema
from storage.database.engine import Store
from storage.pruning import AshaRule, MedianRule, PruningRule
from storage.rung_ranks import FAR, Rung
from tests.support.bulk_studies import fill
from tests.support.stores import claim, make, report

TRIALS = 4 * FAR
RNG = random.Random(5)
ARRIVALS = {
    "better and better": [TRIALS - i for i in range(TRIALS)],
    "worse and worse": list(range(TRIALS)),
    "at random": RNG.sample(range(TRIALS), TRIALS),
    "with ties": [RNG.randrange(5) for _ in range(TRIALS)],
    "all the same": [1] * TRIALS,
}
MEDIAN, THIRD = MedianRule(), AshaRule(reduction=3)


@pytest.mark.parametrize("values", ARRIVALS.values(), ids=ARRIVALS)
@pytest.mark.parametrize("rules", [[MEDIAN], [MEDIAN, THIRD]], ids=["half", "both"])
def test_answers_are_those_of_a_full_count(
    store: Store, values: list[int], rules: list[PruningRule]
):
    """Whether the landmark stays, walks or is set anew: another rule asks elsewhere."""
    rules = [rule for rule in rules for _ in range(TRIALS // len(rules))]
    study = make(store, budget=TRIALS)
    held = [claim(store, study) for _ in values]
    seen: list[int] = []
    for trial, value, rule in zip(held, values, rules, strict=False):
        better = sum(other < value for other in seen)
        hopeless = bool(seen) and better >= rule.cut(len(seen))
        assert report(store, trial, 1, value, rule) is hopeless
        seen.append(value)


def test_a_rung_that_was_filled_by_an_older_version_is_counted(store: Store):
    """Nothing has to be moved when a store is upgraded."""
    study = make(store, budget=500)
    fill(store, study, finished=200)
    with store.read() as c:
        rung = schema.rungs.c
        query = sa.select(rung.best).where(rung.study_id == study.study_id, rung.epoch == 3)
        middle = sorted(c.execute(query).scalars())[100]
    assert not report(store, claim(store, study), 3, middle - 1e-9, MEDIAN)
    assert report(store, claim(store, study), 3, middle + 1e-9, MEDIAN)


def test_an_epoch_that_is_told_twice_counts_once(store: Store):
    """As after a take-over, or when nobody knows whether the first time was heard."""
    study = make(store)
    trials = [claim(store, study) for _ in range(3)]
    for trial, value in zip(trials, (3, 1, 2), strict=True):
        for _ in range(3):
            report(store, trial, 1, value, MEDIAN)
    with store.write() as c:
        _, entered, at = Rung(c=c, study_id=study.study_id, place=1).lock(trials[0].trial_id)
    assert (entered, at.reached) == (3, 3)
