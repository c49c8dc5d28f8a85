"""Whatever is divided: no row is lost or in two parts, classes keep their share, seeds repeat."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.strategies import LETTERS
from tuner.datasets import SCALINGS, TASKS, DataError, DataSpec
from tuner.datasets.split.random_split import SMALLEST_CLASS, allocate, part_sizes, split

fractions = st.fixed_dictionaries(
    {}, optional={"validation": st.floats(0.05, 0.45), "test": st.floats(0.05, 0.45)}
)
seeds = st.integers(0, 2**32)


@st.composite
def labels(draw):
    """Rows of a few classes, some of them tiny, in no order."""
    sizes = draw(st.lists(st.integers(SMALLEST_CLASS, 40), min_size=2, max_size=12))
    rows = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    return np.random.default_rng(draw(seeds)).permutation(rows)


def divide(rows, wanted, seed, rows_labels=None):
    """Divides, and passes over what is rightly refused."""
    classes = range(1000)
    try:
        return split(rows, wanted, seed=seed, labels=rows_labels, classes=classes)
    except DataError:
        assume(False)


def assert_partition(parts, rows, wanted):
    assert set(parts) == {"train", *wanted}
    everything = np.concatenate(list(parts.values()))
    np.testing.assert_array_equal(np.sort(everything), np.arange(rows))


@given(st.integers(1, 500), fractions, seeds)
def test_every_row_is_in_exactly_one_part(rows, wanted, seed):
    """And parts have the sizes that are asked for."""
    parts = divide(rows, wanted, seed)
    assert_partition(parts, rows, wanted)
    if wanted:
        assert {part: len(indices) for part, indices in parts.items()} == part_sizes(rows, wanted)


@given(labels(), fractions, seeds)
def test_classes_keep_their_share_within_one_row(y, wanted, seed):
    """In each part, and training has all of them."""
    parts = divide(len(y), wanted, seed, y)
    assert_partition(parts, len(y), wanted)
    class_sizes = np.bincount(y)
    for indices in parts.values():
        counts = np.bincount(y[indices], minlength=len(class_sizes))
        shares = class_sizes * len(indices) / len(y)
        assert (np.abs(counts - shares) <= 1).all()
    assert set(y[parts["train"]]) == set(y)


@given(labels(), fractions, seeds)
def test_a_seed_repeats(y, wanted, seed):
    """The same rows in every part."""
    first, again = divide(len(y), wanted, seed, y), divide(len(y), wanted, seed, y)
    for part, indices in first.items():
        np.testing.assert_array_equal(indices, again[part])


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=15),
    st.lists(st.floats(0.01, 1.0), min_size=1, max_size=4),
)
def test_allocation_meets_both_sums_and_rounds_every_share(group_sizes, weights):
    """Of groups and of parts; no share is off by more than one row."""
    groups, rows = np.array(group_sizes), sum(group_sizes)
    assume(rows > 0)
    cuts = np.floor(rows * np.cumsum(weights) / sum(weights)).astype(int)
    cuts[-1] = rows
    sizes = np.diff(cuts, prepend=0)
    shares = allocate(groups, sizes)
    np.testing.assert_array_equal(shares.sum(axis=0), sizes)
    np.testing.assert_array_equal(shares.sum(axis=1), groups)
    assert (shares >= 0).all()
    assert (np.abs(shares - np.outer(groups, sizes) / rows) <= 1).all()


@given(
    st.builds(
        DataSpec,
        source=st.text(LETTERS, min_size=1),
        target=st.none() | st.text(LETTERS),
        task=st.none() | st.sampled_from(TASKS),
        validation=st.floats(0.01, 0.49),
        test=st.floats(0.01, 0.49),
        scaling=st.sampled_from(SCALINGS),
        seed=seeds,
    )
)
def test_a_spec_survives_json(spec):
    """Whatever its texts hold."""
    assert DataSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
