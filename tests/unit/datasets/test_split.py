"""Sizes are exact, and what cannot be divided is refused; more in tests/property/test_split.py."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.datasets import DataError
from tuner.datasets.split.random_split import part_sizes, split

FIFTHS = {"validation": 0.2, "test": 0.2}


def test_sizes_are_the_rounded_fractions():
    """Training gets the rest."""
    assert part_sizes(1797, FIFTHS) == {"train": 1079, "validation": 359, "test": 359}


def test_classes_of_two_rows_are_all_in_the_training_part():
    """Ten such classes in twenty rows, and all parts have their sizes."""
    labels = np.repeat(np.arange(10, dtype=np.int32), 2)
    parts = split(20, FIFTHS, seed=0, labels=labels, classes=range(10))
    assert set(labels[parts["train"]]) == set(range(10))
    assert [len(rows) for rows in parts.values()] == [12, 4, 4]


def test_nothing_to_cut_leaves_everything_for_training():
    """In order."""
    np.testing.assert_array_equal(split(4, {}, seed=0)["train"], [0, 1, 2, 3])


def test_another_seed_gives_other_rows():
    """In the test part."""
    one, other = split(100, FIFTHS, seed=1), split(100, FIFTHS, seed=2)
    assert set(one["test"]) != set(other["test"])


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_rows_for_every_part(rows):
    """One or two rows leave none for validation."""
    with pytest.raises(DataError, match=f"Received: {rows} rows, which leave none for validation"):
        split(rows, FIFTHS, seed=0)


def test_a_class_of_a_single_row_is_named():
    """By its label."""
    labels = np.array([0] * 9 + [1], dtype=np.int32)
    with pytest.raises(DataError, match="Received: 1 of class 'rare'"):
        split(10, FIFTHS, seed=0, labels=labels, classes=["common", "rare"])


def test_a_training_part_that_would_miss_a_class():
    """Parts so large that two rows a class do not suffice."""
    labels = np.repeat(np.arange(5, dtype=np.int32), 2)
    with pytest.raises(DataError, match="Expected every class in the training part"):
        split(10, {"validation": 0.4, "test": 0.4}, seed=0, labels=labels, classes="abcde")
