"""Tables as time series: which windows there are, what they hold, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from tests.support.refusals import error_of
from tuner.datasets import DataError, DataSpec, load, outline_data
from tuner.datasets.sources.time_series import latest_window
from tuner.datasets.split import folds, windows
from tuner.datasets.split.windows import find_ends

ROWS = 100
PARTS = ("train", "validation", "test")


def table(folder: Path, **columns: Any) -> str:
    """A file with a day, two measured columns, and others, in no order."""
    days = pd.date_range("2024-01-01", periods=ROWS)
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"day": days, "a": np.sin(np.arange(ROWS)), "b": random.normal(size=ROWS)})
    shuffled = frame.assign(**columns).sample(frac=1, random_state=1)
    path = folder / "series.csv"
    shuffled.to_csv(path, index=False)
    return str(path)


def spec_of(source: str, **fields: Any) -> DataSpec:
    return DataSpec(**{"source": source, "target": "a", "window": 8, "horizon": 3, **fields})


def by_hand(frame: pd.DataFrame, part: int, length: int, longest: int) -> tuple[Any, Any]:
    """Windows and what follows by a loop over all rows in order, parts of 60, 20 and 20 rows."""
    frame = frame.sort_values("day").reset_index(drop=True)
    first, after = ((0, 60), (60, 80), (80, 100))[part]
    x, y = [], []
    for end in range(first + longest - 1, after - 3):
        whole = frame.loc[end - longest + 1 : end + 3]
        if whole[["a", "b"]].isna().any().any():
            continue
        if (whole["day"].diff().dt.days > 1).any():
            continue
        x.append(frame.loc[end - length + 1 : end, ["a", "b"]].to_numpy())
        y.append(frame.loc[end + 1 : end + 3, "a"].to_numpy())
    return np.array(x), np.array(y)


@pytest.mark.parametrize("length", [1, 5, 8])
def test_windows_are_those_of_a_loop(tmp_path: Path, length: int):
    """In order of time, in one part, with no missing value; all lengths predict the same rows."""
    b = np.random.default_rng(1).normal(size=ROWS)
    b[[20, 41]] = np.nan
    source = table(tmp_path, b=b)
    data = load(spec_of(source, arguments={"window": length}))
    frame = pd.read_csv(source, parse_dates=["day"])
    for number, part in enumerate(PARTS):
        x, y = by_hand(frame, number, length, 8)
        np.testing.assert_array_equal(data.raw(part), x)
        np.testing.assert_array_equal(data.raw_targets(part), y)
    assert (data.columns, data.targets) == (("a", "b"), ("a+1", "a+2", "a+3"))
    assert "day" in data.dropped
    assert any("0 gaps in time and 2 rows with a missing value" in note for note in data.notes)


def test_no_window_reaches_over_a_gap_in_time(tmp_path: Path):
    """A week that is left out ends one stretch and begins another."""
    days = pd.date_range("2024-01-01", periods=ROWS).to_series().reset_index(drop=True)
    days[30:] += pd.Timedelta(days=7)
    source = table(tmp_path, day=days)
    data = load(spec_of(source))
    x, y = by_hand(pd.read_csv(source, parse_dates=["day"]), 0, 8, 8)
    np.testing.assert_array_equal(data.raw("train"), x)
    np.testing.assert_array_equal(data.raw_targets("train"), y)
    assert any("1 gap in time" in note for note in data.notes)


def test_months_are_no_gaps_and_days_may_be_numbers(tmp_path: Path):
    """Months are 28 to 31 days apart; 20240131 is a date, and not far from 20240201."""
    months = pd.date_range("2000-01-01", periods=ROWS, freq="MS")
    whole = load(spec_of(table(tmp_path, day=np.arange(ROWS)), split_by_time="day"))
    for day in (months, months.strftime("%Y%m%d").astype(int)):
        data = load(spec_of(table(tmp_path, day=day), split_by_time="day"))
        np.testing.assert_array_equal(data.raw("train"), whole.raw("train"))


def test_a_column_that_counts_the_rows_is_left_out(tmp_path: Path):
    """As in every table, and the launch says so; `--drop none` keeps it."""
    source = table(tmp_path)
    frame = pd.read_csv(source).sort_values("day").assign(step=range(ROWS))
    frame.to_csv(source, index=False)
    data = load(spec_of(source))
    assert (data.columns, "step" in data.dropped) == (("a", "b"), True)
    assert any("'step'" in note for note in data.notes)
    assert load(spec_of(source, drop_index=False)).columns == ("a", "b", "step")


def test_each_series_has_windows_of_its_own(tmp_path: Path):
    """No window begins in one and ends in another; parts are divided at the same times."""
    names = np.where(np.arange(ROWS) % 2 == 0, "x", "y")
    days = pd.date_range("2024-01-01", periods=ROWS // 2).repeat(2)
    a = np.arange(ROWS // 2).repeat(2) + np.where(names == "x", 0.0, 1000.0)
    source = table(tmp_path, name=names, day=days, a=a)
    data = load(spec_of(source, window=4, horizon=1, columns=("a",), group="name"))
    for part, first, after in (("train", 0, 30), ("validation", 30, 40), ("test", 40, 50)):
        rows, goals = np.asarray(data.raw(part))[:, :, 0], data.raw_targets(part)
        assert set(np.diff(rows, axis=1).ravel()) == {1.0}
        np.testing.assert_array_equal(goals, rows[:, -1] + 1)
        assert sorted(goals % 1000) == sorted([*range(first + 4, after)] * 2)


def test_columns_are_scaled_each_by_itself(tmp_path: Path):
    """Over the windows of the training part, with numbers of very different size."""
    source = table(tmp_path, b=1e6 * np.random.default_rng(0).normal(5, 2, ROWS))
    data = load(spec_of(source))
    rows = np.asarray(data.raw("train"))
    scaled = (rows - rows.mean(axis=(0, 1))) / rows.std(axis=(0, 1))
    np.testing.assert_allclose(data.train.x, scaled, atol=1e-5)


@given(st.integers(1, 6), st.integers(1, 3), st.data())
def test_windows_lie_in_one_piece(longest: int, horizon: int, drawn: st.DataObject):
    """Against every row by itself, whatever the pieces are and whichever rows are missing."""
    rows = drawn.draw(st.integers(0, 40))
    piece = np.cumsum(drawn.draw(st.lists(st.booleans(), min_size=rows, max_size=rows)))
    usable = np.array(drawn.draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), bool)
    expected = [
        end
        for end in range(longest - 1, rows - horizon)
        if usable[end - longest + 1 : end + horizon + 1].all()
        and len(set(piece[end - longest + 1 : end + horizon + 1])) == 1
    ]
    ends = find_ends(piece.astype(np.int64), usable=usable, longest=longest, horizon=horizon)
    assert ends.tolist() == expected
    assert len(windows.cut(np.zeros((max(rows, longest), 2)), ends, longest)) == len(expected)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("longest", [None, 1, 9, 20, 40])
def test_forward_chaining_is_that_of_scikit_learn(count: int, longest: int | None):
    """Where every row has a time of its own, in whatever order they come; also where it slides."""
    times = np.random.default_rng(0).permutation(47)
    order = np.argsort(times)
    splits = TimeSeriesSplit(count, max_train_size=longest).split(order)
    for fold, (train, test) in enumerate(splits):
        parts = folds.chain(np.arange(100, 147), times, folds=count, fold=fold, longest=longest)
        assert parts["train"].tolist() == sorted(100 + order[train])
        assert parts["validation"].tolist() == sorted(100 + order[test])


def test_rows_of_one_time_slide_together():
    """The earliest time that does not fit as a whole is left out; one must fit."""
    times = np.repeat(np.arange(12), 3)
    options = {"folds": 2, "fold": 1}
    parts = folds.chain(np.arange(36), times, **options, longest=7)
    assert parts["train"].tolist() == [18, 19, 20, 21, 22, 23]
    with pytest.raises(DataError, match=r"room for all rows of one time\. Received: 2"):
        folds.chain(np.arange(36), times, **options, longest=2)


@pytest.mark.parametrize("fields", [{}, {"window": None, "horizon": 1}])
def test_folds_of_a_table_slide(tmp_path: Path, fields: dict[str, object]):
    """Each has as many training rows, or the windows among them; other parts are as they were."""
    source = table(tmp_path)
    spec = {"split_by_time": "day", "folds": 3, **fields}
    grown = [load(spec_of(source, fold=fold, **spec)) for fold in range(3)]
    spec["max_train_rows"] = 12
    slid = [load(spec_of(source, fold=fold, **spec)) for fold in range(3)]
    assert len({len(data.train) for data in slid}) == 1
    assert len(slid[0].train) == (12 if fields else 2)
    for before, after in zip(grown, slid, strict=True):
        assert before.fingerprint != after.fingerprint
        for part in ("validation", "test"):
            np.testing.assert_array_equal(before.raw(part), after.raw(part))
        rows, latest = np.asarray(before.raw("train")), np.asarray(after.raw("train"))
        if not fields:  # windows come in the order of time, rows of a table in that of the file
            np.testing.assert_array_equal(latest, rows[-len(latest) :])
        assert {row.tobytes() for row in latest} <= {row.tobytes() for row in rows}
    assert "each after its at most 12 training rows" in outline_data(
        slid[0], spec_of(source, **spec)
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"max_train_rows": 5}, "--max-train-rows of 1 or more beside --folds"),
        ({"max_train_rows": 0, "folds": 2}, "--max-train-rows of 1 or more"),
        ({"max_train_rows": 5, "folds": 2}, "rows in the order of time with --max-train-rows"),
    ],
)
def test_what_does_not_slide(fields: dict[str, int], line: str):
    """Folds that are none, or of no order."""
    with pytest.raises(DataError, match=line):
        load(DataSpec(source="iris", **fields))


def test_folds_of_a_table_by_time_go_forward(tmp_path: Path):
    """With windows or without: nothing is validated that comes before what was trained on."""
    source = table(tmp_path)
    for fields in ({"window": None, "horizon": 1}, {}):
        spec = {"split_by_time": "day", "folds": 3, **fields}
        each = [load(spec_of(source, fold=fold, **spec)) for fold in range(3)]
        sizes = [len(data.train) for data in each]
        assert sizes == sorted(set(sizes))
        assert len({data.raw("test").tobytes() for data in each}) == 1
        assert "3 folds, each after its training rows" in outline_data(
            each[0], spec_of(source, **spec)
        )
    with pytest.raises(DataError, match="different times for --folds 90"):
        load(spec_of(source, window=None, horizon=1, split_by_time="day", folds=90))


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"window": 0}, "Expected --window of 1 row or more. Received: 0."),
        ({"horizon": 0}, "Expected --horizon of 1 row or more. Received: 0."),
        ({"window": None}, "Expected --horizon with --window only"),
        ({"weights": "b"}, "Expected --weights without --window only"),
        ({"impute": True}, "Expected --impute without --window only"),
    ],
)
def test_options_that_make_no_sense(fields: dict[str, Any], line: str):
    """Seen before a file is read."""
    with pytest.raises(DataError) as caught:
        spec_of("a.csv", **fields)
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("fields", "columns", "line"),
    [
        ({"window": 18}, {}, "expected 18 + 3 rows without a gap in each part"),
        ({"horizon": 90}, {}, "expected 8 + 90 rows without a gap in each part"),
        ({"target": "a,b"}, {}, "expected one --target with --window"),
        ({"columns": ("c",)}, {}, "expected --columns to be columns of the table. Received: 'c'"),
        ({"group": "c"}, {}, "expected --group to be one of its columns"),
        ({"split_by_time": "c"}, {}, "expected --split-by-time to be one of its columns"),
        ({}, {"c": ["red"] * ROWS}, "expected numbers in every column of a window"),
        ({}, {"day": ["2024-01-01"] * ROWS}, "expected one row for each time"),
        ({}, {"c": pd.date_range("2020-01-01", periods=ROWS)}, "expected one column of times"),
        ({"target": "day"}, {}, "expected numbers in every column of a window"),
    ],
)
def test_tables_that_cannot_be_cut(
    tmp_path: Path, fields: dict[str, Any], columns: dict[str, Any], line: str
):
    """One line says what it must be."""
    assert line in error_of(spec_of(table(tmp_path, **columns), **fields))


def test_only_tables_have_windows():
    """Arrays are cut in a function."""
    assert "Expected --window with tables" in error_of(DataSpec(source="iris", window=3))


def latest(frame: pd.DataFrame, **more: Any) -> list[float]:
    spec = DataSpec(source="new.csv", target="level", window=3, columns=("level",), **more)
    return latest_window(frame, spec)["level"].tolist()


def test_the_latest_window_is_found_by_its_times() -> None:
    """In whatever order rows come; without times the last rows of the file are the latest."""
    days = pd.date_range("2024-01-01", periods=6).astype(str)
    frame = pd.DataFrame({"day": days, "level": np.arange(6.0)})
    for rows in (frame, frame[::-1], frame.sample(frac=1, random_state=1)):
        assert latest(rows) == [3, 4, 5]
    assert latest(frame[["level"]][::-1]) == [2, 1, 0]
    numbered = frame.assign(day=range(20240101, 20240107))[::-1]
    assert latest(numbered, split_by_time="day") == [3, 4, 5]


def test_a_latest_window_that_training_never_saw_is_refused() -> None:
    """Over a gap, with a time twice or missing, or of several series at once."""
    days = pd.date_range("2024-01-01", periods=6)
    frame = pd.DataFrame({"day": days, "level": np.arange(6.0), "site": list("aaabbb")})
    with pytest.raises(DataError, match="expected the rows of one series"):
        latest(frame, group="site")
    assert latest(frame[:3], group="site") == [0, 1, 2]
    for wrong in (frame.drop(4), pd.concat([frame, frame[-1:]])):
        with pytest.raises(DataError, match="expected the latest 3 rows one after another"):
            latest(wrong)
    with pytest.raises(DataError, match="day"):
        latest(frame.assign(day=days.where(days != days[5])))
    assert latest(frame.drop(1)) == [3, 4, 5]


def test_weekends_are_no_gaps_where_the_user_says_so(tmp_path: Path) -> None:
    """A week of working days never follows the next without: no window of 6 could be had."""
    days = pd.bdate_range("2024-01-01", periods=ROWS)
    path = tmp_path / "working-days.csv"
    frame = pd.DataFrame({"day": days, "level": np.arange(float(ROWS))})
    frame.to_csv(path, index=False)
    spec = DataSpec(source=str(path), target="level", window=6)
    with pytest.raises(DataError, match="or a larger --gap"):
        load(spec)
    data = load(dataclasses.replace(spec, gap=4))
    assert (len(data.train), data.notes) == (60 - 6, ())
    with pytest.raises(DataError, match="expected the latest 6 rows one after another"):
        latest_window(frame, spec)
    window = latest_window(frame, dataclasses.replace(spec, gap=4))
    assert window["level"].tolist() == [94, 95, 96, 97, 98, 99]


@pytest.mark.parametrize("gap", [0.5, -1.0, float("nan")])
def test_a_gap_below_a_step_is_refused(gap: float) -> None:
    """Every row would be a series of its own."""
    with pytest.raises(DataError, match="Expected --gap of 1 or more"):
        DataSpec(source="a.csv", target="y", window=3, gap=gap)
    with pytest.raises(DataError, match="Expected --gap with --window only"):
        DataSpec(source="a.csv", target="y", gap=4)
