"""A trial's model is written while the next trial is trained."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.nursery import nursery
from tests.support.working import STEADY, Workplace, attempts, record, workplace

pytestmark = pytest.mark.keras

TRIALS = 4


@pytest.fixture
def place(sqlite_url: str, tmp_path: Path) -> Iterator[Workplace]:
    with nursery(tmp_path) as processes, workplace(sqlite_url, tmp_path, processes) as made:
        yield made


@pytest.mark.parametrize("synchronous", [False, True])
def test_models_are_written_beside_training(place: Workplace, synchronous: bool):
    """The next trial has begun before the last one has ended, unless order was asked for."""
    study = place.study(
        "models",
        budget=TRIALS,
        overrides=(*STEADY, "epochs=2"),
        keep=TRIALS,
        synchronous_reports=synchronous,
    )
    place.work(study)
    spans = [(a.started_at, a.ended_at) for a in attempts(place.store, study)]
    assert len(spans) == TRIALS
    overlaps = [later[0] < earlier[1] for earlier, later in pairwise(spans)]
    assert overlaps == [not synchronous] * (TRIALS - 1)
    models = [record(place.store, study, number).model for number in range(TRIALS)]
    assert [Path(model or "").is_file() for model in models] == [True] * TRIALS
    assert len(place.files(study)) == TRIALS
