"""Every row but those of the test part validates once, and none of it trains where it validates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.split.folds import cut


def cuts(rows, count, **options):
    return [cut(rows, folds=count, fold=fold, seed=3, **options) for fold in range(count)]


@given(st.integers(2, 6), st.integers(6, 60), st.integers(0, 40))
def test_every_row_validates_once(count, rows, first):
    """Each fold has all rows, and folds differ in size by less than one row."""
    chosen = np.arange(first, first + rows)
    parts = cuts(chosen, count)
    validated = np.concatenate([part["validation"] for part in parts])
    assert sorted(validated) == list(chosen)
    for part in parts:
        assert sorted(np.concatenate(list(part.values()))) == list(chosen)
        assert abs(len(part["validation"]) - rows / count) < 1


def test_classes_are_in_proportion():
    """In each fold's validation part."""
    labels = np.repeat([0, 1, 2], [50, 30, 10])
    for part in cuts(np.arange(90), 5, labels=labels):
        assert np.bincount(labels[part["validation"]]).tolist() == [10, 6, 2]


def test_groups_are_in_one_fold():
    """No group is in both parts of a fold."""
    groups = np.repeat(np.arange(10), 4)
    for part in cuts(np.arange(40), 3, groups=groups):
        assert not set(groups[part["train"]]) & set(groups[part["validation"]])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "at least 7 rows that are not of the test part for --folds 7. Received: 6."),
        ({"labels": np.array([0, 0, 0, 0, 0, 1])}, "rows of each class .* Received: 1."),
        ({"groups": np.array([0, 0, 1, 1, 2, 2])}, "groups for --folds 7. Received: 3."),
    ],
)
def test_too_many_folds_are_refused(options, told):
    """For lack of rows, of rows of a class, or of groups."""
    with pytest.raises(DataError, match=told):
        cut(np.arange(6), folds=7, fold=0, seed=0, **options)


def test_the_test_part_is_that_without_folds():
    """And every fold is scaled by its own training rows, and known by a fingerprint of its own."""
    plain = load(DataSpec(source="iris"))
    folds = [load(DataSpec(source="iris", folds=4, fold=fold)) for fold in range(4)]
    raw = plain.raw("test")
    assert all((fold.raw("test") == raw).all() for fold in folds)
    for fold in folds:
        assert np.allclose(fold.train.x.mean(axis=0), 0, atol=1e-5)
    assert len({fold.fingerprint for fold in (plain, *folds)}) == 5
    assert sum(len(fold.validation) for fold in folds) == 120


def test_parts_of_ones_own_are_refused(tmp_path):
    """Folds cannot keep validation rows that are given."""
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_val=x, y_val=y)
    with pytest.raises(DataError, match="no validation rows of its own beside --folds 3"):
        load(DataSpec(source=str(tmp_path / "own.npz"), folds=3))
