"""Rows that belong together stay together: groups in one part, times in order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_iris

from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.split.group_time import split_by_group, split_by_time

FRACTIONS = {"validation": 0.2, "test": 0.2}
codes = st.lists(st.integers(0, 12), min_size=10, max_size=80)


def dense(values) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1]


@given(codes, st.integers(0, 9))
def test_every_row_is_in_one_part_and_no_group_in_two(values, seed):
    """With too few groups for the parts it is refused; else each part has some of its own."""
    groups = dense(values)
    if groups.max() < 2:
        with pytest.raises(DataError, match="Expected groups for every part"):
            split_by_group(groups, FRACTIONS, seed=seed)
        return
    parts = split_by_group(groups, FRACTIONS, seed=seed)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(groups)))
    homes = [set(groups[rows]) for rows in parts.values()]
    assert all(homes)
    assert sum(map(len, homes)) == len(set().union(*homes))


@given(st.integers(0, 99), st.integers(20, 60))
def test_many_small_groups_make_parts_of_about_the_sizes_asked_for(seed, count):
    """Each part is at most one group of five rows off."""
    groups = np.repeat(np.arange(count), 5)
    parts = split_by_group(groups, FRACTIONS, seed=seed)
    for part, fraction in {"train": 0.6, **FRACTIONS}.items():
        assert abs(len(parts[part]) - fraction * len(groups)) <= 5


def test_the_seed_decides_which_groups():
    """The same seed chooses the same ones, another seed others."""
    groups = np.repeat(np.arange(30), 5)
    tests = [split_by_group(groups, FRACTIONS, seed=seed)["test"].tolist() for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]


@given(codes)
def test_later_parts_have_later_rows(values):
    """Rows of one time stay together; only where they are most of a part it is refused."""
    times = np.array(values)
    try:
        parts = split_by_time(times, FRACTIONS)
    except DataError:
        # Equal times may make each of two parts longer by all of them but one.
        most = np.bincount(times).max()
        assert 2 * (most - 1) + 2 * round(0.2 * len(times)) >= len(times)
        return
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(times)))
    assert times[parts["train"]].max() < times[parts["validation"]].min()
    assert times[parts["validation"]].max() < times[parts["test"]].min()


def test_different_times_make_parts_of_exact_sizes():
    """In the order train, validation, test."""
    parts = split_by_time(np.random.default_rng(0).permutation(100), FRACTIONS)
    assert [len(parts[part]) for part in ("train", "validation", "test")] == [60, 20, 20]
    assert list(parts) == ["train", "validation", "test"]


@pytest.fixture
def irises(tmp_path):
    """Irises by five, each five a field; and the day of each, unordered."""
    frame = load_iris(as_frame=True).frame
    frame["field"] = [f"f{row // 5}" for row in range(150)]
    days = pd.date_range("2020-01-25", periods=150).strftime("%Y-%m-%d")
    frame["day"] = np.random.default_rng(0).permutation(days)
    frame.to_csv(tmp_path / "iris.csv", index=False)
    return str(tmp_path / "iris.csv"), frame


def test_a_column_of_groups_divides_a_table_and_is_no_feature(irises):
    """Each field's irises are in one part, and the field is not trained on."""
    path, frame = irises
    frame.drop(columns="day").to_csv(path, index=False)
    data = load(DataSpec(source=path, target="target", group="field"))
    assert data.columns == tuple(frame.columns[:4])
    homes = [set(frame["field"].iloc[data.selections[part].indices]) for part in
             ("train", "validation", "test")]  # fmt: skip
    assert sum(map(len, homes)) == frame["field"].nunique() == len(set().union(*homes))


def test_a_column_of_dates_divides_a_table(irises):
    """All days of training come before those of validation, and these before the test's."""
    path, frame = irises
    frame.drop(columns="field").to_csv(path, index=False)
    data = load(DataSpec(source=path, target="target", split_by_time="day"))
    days = [frame["day"].iloc[data.selections[part].indices] for part in
            ("train", "validation", "test")]  # fmt: skip
    assert days[0].max() < days[1].min() <= days[1].max() < days[2].min()
    assert list(map(len, days)) == [90, 30, 30]


def test_a_column_of_numbers_is_a_time_too(tmp_path):
    """Years in tenths divide the rows as dates do."""
    frame = load_diabetes(as_frame=True).frame
    frame["year"] = np.random.default_rng(0).permutation(len(frame)) / 10
    frame.to_csv(tmp_path / "d.csv", index=False)
    spec = DataSpec(source=str(tmp_path / "d.csv"), target="target", split_by_time="year")
    data = load(spec)
    years = frame["year"].to_numpy()
    assert (
        years[data.selections["train"].indices].max()
        < years[data.selections["validation"].indices].min()
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"group": "filed"}, "Did you mean 'field'"),
        ({"split_by_time": "field"}, "expected numbers or times such as 2024-01-31"),
        ({"group": "field", "split_by_time": "day"}, "Received: both"),
    ],
)
def test_what_cannot_be_divided_so_is_told_in_a_line(irises, fields, told):
    """Columns that do not exist, are no times, or leave a part without a group."""
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=irises[0], target="target", **fields))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_that_only_late_rows_have_is_told(irises):
    """It could not be trained."""
    path, frame = irises
    frame["day"] = range(150)  # the third kind of iris comes last
    frame.drop(columns="field").to_csv(path, index=False)
    with pytest.raises(DataError, match="no row of class 2 there"):
        load(DataSpec(source=path, target="target", split_by_time="day"))


def test_sets_without_columns_refuse_it():
    """Groups are columns of tables: a bundled set of arrays has none."""
    with pytest.raises(DataError, match=r"--group with tables"):
        load(DataSpec(source="digits", group="a"))


def test_old_specs_and_their_fingerprints_stay():
    """A study's definition without these fields still finds its data."""
    old = DataSpec(source="iris").to_dict()
    del old["group"], old["split_by_time"]
    known = "688675aecd87b69f7499f26c83a91fc3a1b3565054cb3d5f21fed91228ff3e34"
    assert load(DataSpec.from_dict(old)).fingerprint == known
