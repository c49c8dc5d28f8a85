"""A trial's model is written while the next trial is trained."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.working import STEADY, Workplace, attempts, record

pytestmark = pytest.mark.keras

TRIALS = 4


@pytest.mark.parametrize("synchronous", [False, True])
def test_models_are_written_beside_training(place: Workplace, synchronous: bool):
    """The next trial has begun before the last one has ended, unless order was asked for."""
    study = place.study(
        f"models-{synchronous}",
        budget=TRIALS,
        overrides=(*STEADY, "epochs=2"),
        keep=TRIALS,
        synchronous_reports=synchronous,
    )
    place.work(study)
    spans = [(a.started_at, a.ended_at) for a in attempts(place.store, study)]
    assert len(spans) == TRIALS
    overlaps = [later[0] < earlier[1] for earlier, later in pairwise(spans)]
    assert any(overlaps) is not synchronous
    kept = [record(place.store, study, number) for number in range(TRIALS)]
    written = [hashlib.sha256(Path(t.model or "").read_bytes()).hexdigest() for t in kept]
    assert written == [t.model_sha256 for t in kept]
    assert len(place.files(study)) == TRIALS
