"""Parquet files hold what the same table as .csv holds; types of Arrow's become plain ones."""

from __future__ import annotations

import decimal
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_wine

from tests.support import refusals
from tuner.datasets import DataSpec, load
from tuner.datasets.columns.text_values import Columns
from tuner.datasets.sources import data_frames


@pytest.fixture
def wines() -> pd.DataFrame:
    """Wines with a category, a truth value and a date, all of them with gaps."""
    wine = load_wine(as_frame=True)
    frame = wine.data[["alcohol", "proline"]].copy()
    frame["rich"] = wine.data["magnesium"] > 100
    frame["hue"] = np.where(wine.data["hue"] > 1, "red", "brown")
    frame["day"] = pd.Timestamp("2020-12-30") + pd.to_timedelta(range(len(frame)), unit="D")
    frame["grower"] = wine.target.map({0: "a", 1: "b", 2: "c"})
    frame["rich"] = frame["rich"].astype(object)
    for row, name in enumerate(["alcohol", "proline", "rich", "hue", "day"]):
        frame.loc[row::20, name] = None
    return frame


error_of = partial(refusals.error_of, target="y")


def write(path: Path, **columns) -> Path:
    rows = next(len(column) for column in columns.values())
    pq.write_table(pa.table({**columns, "y": [row % 2 for row in range(rows)]}), path)
    return path


def one(tmp_path: Path, column: pa.Array, **fields):
    """The only column of a table, as the source has it."""
    data = load(DataSpec(source=str(write(tmp_path / "a.parquet", a=column)), target="y", **fields))
    return data.selections["train"].rows.x


@pytest.mark.parametrize("compact", [False, True])
def test_a_table_is_the_same_as_csv_and_as_parquet(tmp_path: Path, wines, compact: bool):
    """Also where text comes as a dictionary and integers have gaps."""
    wines.to_csv(tmp_path / "wine.csv", index=False)
    if compact:
        wines["hue"] = wines["hue"].astype("category")
        wines["proline"] = wines["proline"].astype("Int64")
        wines["rich"] = wines["rich"].astype("boolean")
    wines.to_parquet(tmp_path / "wine.parquet")
    found = [
        load(DataSpec(source=str(tmp_path / f"wine.{kind}"), target="grower", impute=True))
        for kind in ("csv", "parquet")
    ]
    assert found[0].encoder.kinds == {
        "alcohol": "number",
        "proline": "number",
        "rich": "number",
        "hue": "category",
        "day": "date",
    }
    assert found[0].fingerprint == found[1].fingerprint
    np.testing.assert_array_equal(found[0].train.x, found[1].train.x)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2, 3, 4] * 5, pa.uint8()),
        pa.array([1.0, 2.0, 3.0, 4.0] * 5, pa.float32()),
        pa.array([decimal.Decimal(number) for number in (1, 2, 3, 4)] * 5),
        pa.array(["1", "2"] * 10).dictionary_encode().cast(pa.dictionary(pa.int32(), pa.string())),
        pa.array([1, 2, 3, 4] * 5).dictionary_encode(),
    ],
    ids=["uint8", "float32", "decimal", "dictionary of text", "dictionary of numbers"],
)
def test_types_become_plain_ones(tmp_path: Path, column: pa.Array):
    """Numbers of every width, decimals, flags and dictionaries."""
    x = one(tmp_path, column)
    if column.type == pa.dictionary(pa.int32(), pa.string()):
        assert x["a"].tolist() == ["1", "2"] * 10
    else:
        np.testing.assert_array_equal(x[:, 0], [1, 2, 3, 4] * 5)


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("ns")], ids=str)
def test_days_and_times_are_dates(tmp_path: Path, kind: pa.DataType):
    """Both kinds are read as the same days."""
    days = np.arange("2024-01-01", "2024-01-21", dtype="datetime64[D]")
    x = one(tmp_path, pa.array(days.astype("datetime64[s]")).cast(kind))
    np.testing.assert_array_equal(x["a"], days)


def test_times_with_a_zone_count_in_utc(tmp_path: Path):
    """As those of a .csv with their difference behind them."""
    frame = pd.DataFrame({"a": pd.date_range("2024-01-01 09:00", periods=20, tz="Asia/Tokyo")})
    frame["y"] = [0, 1] * 10
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    for kind in ("parquet", "csv"):
        data = load(DataSpec(source=str(tmp_path / f"a.{kind}"), target="y"))
        assert data.selections["train"].rows.x["a"][0] == np.datetime64("2024-01-01T00:00")


def test_nothing_is_missing_unless_it_may_be(tmp_path: Path):
    """Where it is imputed, a column beside it says where."""
    path = write(
        tmp_path / "a.parquet", a=pa.array([1, None] * 10), b=pa.array([i * i for i in range(20)])
    )
    message = error_of(path, impute=False)
    assert "10 missing in column 'a', the first in data row 2" in message
    assert load(DataSpec(source=str(path), target="y", impute=True)).inputs.shape == (4,)


def test_an_index_without_a_name_is_no_column_and_one_with_a_name_is(tmp_path: Path):
    """As pandas writes them."""
    squares = [i * i for i in range(20)]
    frame = pd.DataFrame({"a": squares, "y": [0, 1] * 10}, index=[*range(5, 24), 99])
    frame.to_parquet(tmp_path / "a.parquet")
    assert load(DataSpec(source=str(tmp_path / "a.parquet"), target="y")).columns == ("a",)
    frame.rename_axis("b").to_parquet(tmp_path / "a.parquet")
    assert load(DataSpec(source=str(tmp_path / "a.parquet"), target="y")).columns == ("a", "b")


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([[1, 2]] * 20), "'a' of type list<"),
        (pa.array([b"x"] * 20), "'a' of type binary"),
        (pa.array([{"b": 1}] * 20), "'a' of type struct<"),
        (pa.array([None] * 20), "expected a value in column 'a'"),
        (pa.array([f"id-{i}" for i in range(20)]), "remove it"),
        (pa.array([1.0, np.inf] * 10), "Received: inf in row 1 of column 'a'"),
    ],
    ids=["list", "bytes", "struct", "nothing", "identifiers", "infinite"],
)
def test_a_column_that_no_model_takes_is_told(tmp_path: Path, column: pa.Array, told: str):
    """With its type: lists, bytes, records and the like."""
    assert told in error_of(write(tmp_path / "a.parquet", a=column), impute=True)


def test_a_file_that_is_none(tmp_path: Path):
    """A table of text under this name, and a file that was cut off."""
    path = tmp_path / "a.parquet"
    path.write_text("a,y\n1,0\n2,1\n")
    assert "Expected a Parquet file. Received: " in error_of(path)
    whole = write(path, a=pa.array(range(20))).read_bytes()
    path.write_bytes(whole[:-20])
    assert "Expected a Parquet file. Received: " in error_of(path)


def test_no_rows_and_columns_of_one_name(tmp_path: Path):
    """Each is refused in a line of its own."""
    path = write(tmp_path / "a.parquet", a=pa.array([], pa.int64()))
    assert "with no row" in error_of(path)
    twice = pa.table([pa.array(range(20))] * 2, names=["y", "y"])
    pq.write_table(twice, path)
    assert "Received: 'y' twice" in error_of(path)


def test_without_the_package_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The message says what to install."""
    path = write(tmp_path / "a.parquet", a=pa.array(range(20)))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install pyarrow" in error_of(path)


def test_text_that_looks_like_numbers_stays_text(tmp_path: Path):
    """Codes of a Parquet file are the same codes in a .csv of new rows."""
    codes = ["007", "7", "010"] * 10
    assert set(one(tmp_path, pa.array(codes))["a"]) == {"007", "7", "010"}
    pd.DataFrame({"a": codes}).to_csv(tmp_path / "new.csv", index=False)
    table = data_frames.read(tmp_path / "new.csv", columns=Columns(text=["a"]))
    assert table.frame["a"].tolist() == codes
