"""Points of a search space as rows and features, and the conditions that past points show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuner.search.surrogates.learned_conditions import LearnedConditions
from tuner.search.surrogates.point_encoding import PointEncoding

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 0.1, log=True),
    "dropout": FloatDistribution(0, 0.5, step=0.05),
    "momentum": FloatDistribution(-3, 5),
    "units": IntDistribution(16, 512, log=True),
    "layers": IntDistribution(1, 3),
    "filters": IntDistribution(8, 64, step=8),
    "optimizer": CategoricalDistribution(["adam", "sgd", None]),
    "nesterov": CategoricalDistribution([False, True]),
}


@given(st.integers(0, 2**31 - 1))
def test_what_is_drawn_may_be_tried_and_comes_back_the_same(seed: int):
    """Every draw is a value of its distribution, of Python's types, and is encoded as it was."""
    encoding = PointEncoding(DISTRIBUTIONS)
    row = encoding.draw(np.random.default_rng(seed), 1)[0]
    params = encoding.decode(row)
    assert params.keys() == DISTRIBUTIONS.keys()
    for name, distribution in DISTRIBUTIONS.items():
        internal = distribution.to_internal_repr(params[name])
        assert distribution._contains(internal)
        assert not isinstance(params[name], np.generic)
    assert np.allclose(encoding.encode([params])[0], row, atol=1e-12)
    assert np.allclose(encoding.snap(row[None])[0], row, atol=1e-12)


@pytest.mark.parametrize("name", ["layers", "filters", "dropout", "optimizer"])
def test_each_step_is_drawn_as_often(name: str):
    """The first and the last one too: each has its share, within five deviations."""
    encoding = PointEncoding({name: DISTRIBUTIONS[name]})
    rows = encoding.draw(np.random.default_rng(0), 11_000)
    counts = np.unique(rows, return_counts=True)[1]
    share = 11_000 / len(counts)
    assert np.abs(counts - share).max() < 5 * np.sqrt(share)


def test_what_a_point_lacks_is_left_out():
    """A parameter that did not exist is NaN, and is not in the point that comes back."""
    encoding = PointEncoding(DISTRIBUTIONS)
    params: dict[str, Any] = {"layers": 2, "optimizer": None}
    row = encoding.encode([params])[0]
    assert np.isnan(row).sum() == len(DISTRIBUTIONS) - 2
    assert encoding.decode(row) == params


def test_a_value_outside_of_the_range_lies_at_its_edge():
    """An enqueued point may have any."""
    encoding = PointEncoding({"layers": IntDistribution(1, 3)})
    assert encoding.encode([{"layers": 9}]) == [[1.0]]


def test_distances_of_features():
    """Any two categories are 1 apart; a missing number is as far from both ends."""
    encoding = PointEncoding(
        {"a": FloatDistribution(0, 1), "kind": CategoricalDistribution(["x", "y", "z"])}
    )
    rows = np.array([[0.0, 0], [1.0, 0], [np.nan, 0], [0.0, 1], [0.0, 2]])
    features, owners = encoding.features(rows)
    assert list(owners) == [0, 0, 1, 1, 1]
    distances = np.linalg.norm(features[:, None] - features[None], axis=2)
    assert distances[0, 1] == 1
    assert distances[0, 2] == distances[1, 2] == pytest.approx(np.sqrt(0.5))
    assert distances[0, 3] == distances[0, 4] == distances[3, 4] == pytest.approx(1)


def test_conditions_are_learned_from_points():
    """A second layer's units exist from two layers on; a momentum only with sgd."""
    nan = np.nan  # layers, units_1, optimizer, momentum
    seen = np.array([[1, nan, 0, nan], [2, 0.5, 0, nan], [3, 0.1, 1, 0.9], [1, nan, 1, 0.5]])
    rows = np.array([[1, 0.7, 1, 0.3], [3, 0.7, 0, 0.3]])
    expected = np.array([[1, nan, 1, 0.3], [3, 0.7, 0, nan]])
    assert np.array_equal(LearnedConditions(seen).apply(rows), expected, equal_nan=True)


def test_what_no_single_parameter_explains_is_kept():
    """It may exist: better a value too many than one too few."""
    seen = np.array([[0, 0, np.nan], [0, 1, 0.5], [1, 0, 0.5], [1, 1, np.nan]])
    rows = np.array([[0, 0, 0.3]])
    assert np.array_equal(LearnedConditions(seen).apply(rows), rows)
