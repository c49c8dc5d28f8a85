"""Everything at once: workers that are killed, stopped, sent away and started at random."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chaos import Monkey
from tests.support.nursery import Nursery, nursery
from tests.support.working import STEADY, workplace

pytestmark = [pytest.mark.keras, pytest.mark.slow]

TRIALS = 40


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("nursery")) as made:
        yield made


def test_every_promise_is_kept(store_url: str, processes: Nursery, tmp_path: Path):
    """Numbers 0 to 39 each end once, with every epoch once; nothing is run twice or left."""
    with workplace(store_url, tmp_path, processes) as place:
        overrides = (*STEADY, "epochs=8..14")
        study = place.study("chaos", budget=TRIALS, overrides=overrides, lease=3.0)
        tally = Monkey(place, study, workers=4, seed=1, pause=0.8).run(timeout=240)
    assert tally.faults == [], tally
    assert tally.trials["complete"] == TRIALS - tally.given_up >= TRIALS - 1
    done = (*(tally.signals[name] for name in ("SIGKILL", "SIGTERM", "SIGSTOP")), tally.take_overs)
    assert min(done) >= 2, f"it was too quiet to show anything: {tally}"
