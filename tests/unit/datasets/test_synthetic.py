"""Data that are made up: the same for the same seed, and what they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.datasets import DataError, DataSpec, describe, load
from tuner.datasets.sources.source_catalog import find_source, read
from tuner.datasets.sources.synthetic import SETS


@pytest.mark.parametrize("name", SETS)
def test_facts_are_true(name):
    """What is listed without making the data is what they are."""
    data, facts = load(DataSpec(source=name)), SETS[name]
    assert data.inputs.shape == facts.shape
    assert data.outputs.task == facts.task
    assert (None if data.classes is None else len(data.classes)) == facts.classes
    assert sum(len(part) for part in (data.train, data.validation, data.test)) == facts.rows
    assert describe(name).rows == facts.rows


@pytest.mark.parametrize("name", SETS)
def test_the_same_seed_makes_the_same_rows(name):
    """Another seed makes others."""
    first, again = (read(DataSpec(source=name)).parts["train"] for _ in range(2))
    other = read(DataSpec(source=name, seed=1)).parts["train"]
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.x, other.x)


def test_answers_are_right():
    """By the formulas that the names promise, computed again with NumPy."""
    rows = read(DataSpec(source="vector-sum:500")).parts["train"]
    np.testing.assert_array_equal(rows.y, rows.x.sum(axis=1) > 2.5)
    rows = read(DataSpec(source="xor:500")).parts["train"]
    np.testing.assert_array_equal(rows.y, rows.x[:, 0] * rows.x[:, 1] < 0)
    rows = read(DataSpec(source="sequence-sum:500")).parts["train"]
    np.testing.assert_allclose(rows.y, rows.x.sum(axis=(1, 2)))


def test_a_number_of_rows_after_the_name():
    """Generated sets make so many; bundled ones give their first rows."""
    assert len(read(DataSpec(source="spiral:300")).parts["train"].x) == 300
    few, all_of_them = (read(DataSpec(source=s)).parts["train"] for s in ("digits:200", "digits"))
    np.testing.assert_array_equal(few.x, all_of_them.x[:200])


@pytest.mark.parametrize("source", ["digits:0", "digits:2000", "spiral:0"])
def test_a_number_that_is_not_there(source):
    """No row, or more rows than a bundled set has."""
    with pytest.raises(DataError, match=f"{source}: expected 1 to .* rows"):
        read(DataSpec(source=source))


def test_a_number_after_an_unknown_name():
    """It does not make the name known."""
    with pytest.raises(DataError, match="Expected a data set"):
        find_source("digist:200")
