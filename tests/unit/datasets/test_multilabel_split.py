"""Every part has its share of each label, of rare ones too, and as many rows as asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits, make_multilabel_classification

from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.split.multilabel_split import deal, fold, split
from tuner.datasets.split.random_split import part_sizes
from tuner.datasets.split.random_split import split as split_at_random

FRACTIONS = {"validation": 0.2, "test": 0.2}


@given(st.integers(5, 120), st.integers(1, 6), st.floats(0, 1), st.integers(0, 2**32))
def test_every_row_is_in_one_part_of_the_size_asked_for(rows, labels, share, seed):
    """Whatever labels rows have; and a seed repeats."""
    flags = np.random.default_rng(seed).random((rows, labels)) < share
    parts = split(flags, FRACTIONS, seed=seed)
    np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(rows))
    assert {name: len(found) for name, found in parts.items()} == part_sizes(rows, FRACTIONS)
    again = split(flags, FRACTIONS, seed=seed)
    assert all((again[name] == found).all() for name, found in parts.items())


@given(st.integers(10, 200), st.integers(1, 200), st.integers(0, 2**32))
def test_a_single_label_is_in_proportion_within_one_row(rows, count, seed):
    """In each part."""
    flags = np.random.default_rng(seed).permutation(np.arange(rows) < count)[:, None]
    for found in split(flags, FRACTIONS, seed=seed).values():
        assert abs(flags[found].sum() - flags.sum() * len(found) / rows) < 1 + 1e-9


def test_labels_that_are_rare_come_into_every_part():
    """Where chance alone leaves some of them out."""
    y = make_multilabel_classification(600, n_classes=12, n_labels=2, random_state=3)[1]
    y[:, 4] = y[:, 9] = 0
    y[[10, 80, 300, 410, 599], 4] = 1
    y[[11, 80, 311, 420, 598], 9] = 1
    parts = split(y, FRACTIONS, seed=0)
    assert all(y[found].any(axis=0).all() for found in parts.values())
    chance = [split_at_random(len(y), FRACTIONS, seed=seed) for seed in range(20)]
    assert not all(y[found].any(axis=0).all() for cut in chance for found in cut.values())

    def unevenness(cut):
        return max(np.abs(y[found].mean(axis=0) - y.mean(axis=0)).max() for found in cut.values())

    assert unevenness(parts) < 0.5 * min(map(unevenness, chance))


def test_folds_validate_every_row_once():
    """Each with about the labels of the whole; more folds than rows are refused."""
    y = make_multilabel_classification(103, n_classes=5, random_state=1)[1]
    rows = np.arange(1000, 1103)
    cuts = [fold(rows, y, folds=4, fold=i, seed=2) for i in range(4)]
    found = np.concatenate([cut["validation"] for cut in cuts])
    np.testing.assert_array_equal(np.sort(found), rows)
    for cut in cuts:
        assert not set(cut["train"]) & set(cut["validation"])
        shares = y[cut["validation"] - 1000].mean(axis=0)
        assert np.abs(shares - y.mean(axis=0)).max() < 0.05
    with pytest.raises(DataError, match="Expected at least 4 rows"):
        fold(rows[:3], y[:3], folds=4, fold=0, seed=2)


def test_rows_without_labels_fill_what_is_left():
    """Parts get their sizes all the same."""
    parts = deal(np.zeros((6, 3)), [3, 2, 1], seed=1)
    assert np.bincount(parts).tolist() == [3, 2, 1]


def test_data_with_labels_are_divided_so(tmp_path):
    """In parts and in folds; another seed divides otherwise."""
    y = load_digits().target
    flags = np.stack([y % 2 == 0, np.isin(np.arange(len(y)), np.flatnonzero(y == 7)[:9])], axis=1)
    np.savez(tmp_path / "digits.npz", x=load_digits().data, y=flags)
    spec = {"source": str(tmp_path / "digits.npz")}
    data = load(DataSpec(**spec))
    counts = [part.y[:, 1].sum() for part in (data.train, data.validation, data.test)]
    assert [sorted(counts[1:]), sum(counts)] == [[2, 2], 9]
    folded = [load(DataSpec(**spec, folds=3, fold=i)) for i in range(3)]
    assert sorted(cut.validation.y[:, 1].sum() for cut in folded) == [2, 2, 3]
    other = load(DataSpec(**spec, seed=1))
    assert (other.selections["test"].indices != data.selections["test"].indices).any()
