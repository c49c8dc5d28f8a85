"""Everything at once: workers that are killed, stopped, sent away and started at random."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.chaos import DEEDS, Monkey
from tests.support.fork_server import Nursery
from tests.support.polling import PATIENCE
from tests.support.working import STEADY, workplace

pytestmark = [pytest.mark.keras, pytest.mark.slow]

TRIALS, EVENTS = 12, 14


def test_every_promise_is_kept(store_url: str, processes: Nursery, tmp_path: Path):
    """Each number ends once, with every epoch once; nothing is run twice or left.

    The study is extended until so much has happened to its processes, however fast they are.
    """
    with workplace(store_url, tmp_path, processes) as place:
        overrides = (*STEADY, "epochs=8..14")
        study = place.study("chaos", budget=TRIALS, overrides=overrides, lease=3.0)
        monkey = Monkey(
            place, study, workers=3, seed=1, pause=0.5, events=EVENTS, take_overs=2, ahead=4
        )
        tally, budget = monkey.run(timeout=PATIENCE), monkey.study.budget
    assert tally.faults == [], tally
    assert tally.trials["complete"] == budget - tally.given_up > 0, tally
    assert min(*(tally.deeds[deed] for deed in DEEDS), tally.take_overs) >= 2, tally
