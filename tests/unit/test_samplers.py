"""Samplers that are plans: the number alone says which point a trial is."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest

from search_spaces import SpaceError, catalog
from tuner.search import samplers
from tuner.search.samplers.qmc import sobol_point

LISTED = ("layers=1", "units=8,16", "dropout=0", "optimizer=adam", "schedule=constant",
          "activation=relu,tanh", "normalization=none", "penalty=0", "batch_size=16",
          "beta_1=0.9", "beta_2=0.9", "learning_rate=0.01,0.1,0.2", "epochs=5")  # fmt: skip


def test_a_grid_is_gone_through_by_number():
    """Every point once, then none."""
    space = catalog.load("mlp", LISTED)
    points = [samplers.planned("grid", space, seed=0, number=n) for n in range(13)]
    assert space.grid_size() == 12
    assert points[12] is None
    assert len({json.dumps(point) for point in points[:12]}) == 12


def test_a_grid_of_ranges_is_refused_with_all_of_them():
    """They have no end; the message shows how to list values."""
    space = catalog.load("mlp", [*LISTED[:-2], "learning_rate=0.01..0.1", "epochs=1..5"])
    with pytest.raises(SpaceError, match=r"ranges of learning_rate, epochs: .* --set learning"):
        space.grid_size()


def test_a_grid_that_is_too_large_is_refused():
    """It would never be gone through."""
    many = ",".join(map(str, range(1, 500)))
    listed = [one for one in LISTED if not one.startswith(("batch_size", "units"))]
    space = catalog.load("mlp", [*listed, f"batch_size={many}", f"units={many}"])
    with pytest.raises(SpaceError, match="at most 100000 points"):
        space.grid_size()


def test_a_sobol_sequence_fills_each_range_evenly():
    """Of 64 points each half, quarter and eighth of a range holds its share."""
    space = catalog.load("mlp")
    points = [sobol_point(space, seed=3, number=n) for n in range(64)]
    again = sobol_point(space, seed=3, number=40)
    other = sobol_point(space, seed=4, number=40)
    assert points[40] == again != other
    rates = [point["learning_rate"] for point in points if point is not None]
    shares = Counter(int(8 * _fraction(rate)) for rate in rates)
    assert shares == dict.fromkeys(range(8), 8)


def _fraction(rate: float) -> float:
    """Where a learning rate lies between 1e-4 and 1e-1 on a logarithmic scale."""
    return (math.log10(rate) + 4) / 3


@pytest.mark.parametrize("name", samplers.SAMPLERS)
def test_every_sampler_can_be_made(name: str):
    """A fresh one each time."""
    assert samplers.make(name, 7) is not samplers.make(name, 7)
