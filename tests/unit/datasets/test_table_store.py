"""Data frames in memory: taken as their files would be, and text stays text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuner.datasets import DataError, DataSpec, load, table_store

ROWS = 40


class Polars:
    """A frame as polars has them, as far as it is asked."""

    def __init__(self, columns: dict[str, list]) -> None:
        self.columns, self.dtypes = list(columns), [None] * len(columns)
        self.shape = (ROWS, len(columns))
        self._values = columns

    def __getitem__(self, name: str) -> Polars:
        return Polars({name: self._values[name]})

    def to_list(self) -> list:
        """The values of the one column."""
        return self._values[self.columns[0]]


def columns() -> dict[str, list]:
    rng = np.random.default_rng(0)
    return {
        "size": rng.normal(size=ROWS).tolist(),
        "zip": [f"{i % 4:05}" for i in range(ROWS)],
        "city": ["Bern", "Basel"] * (ROWS // 2),
        "sold": [bool(i % 2) for i in range(ROWS)],
    }


@pytest.mark.parametrize("make", [pd.DataFrame, Polars])
def test_a_frame_is_read_as_its_file(make, tmp_path: Path):
    """Codes that are text stay text; the same frame is written once."""
    path, codes = table_store.write(make(columns()), str(tmp_path))
    assert codes == ["zip"]
    data = load(DataSpec(source=str(path), target="sold", categories=tuple(codes)))
    assert data.encoder is not None
    assert data.encoder.kinds == {"size": "number", "zip": "category", "city": "category"}
    assert data.encoder.columns[1].vocabulary[0] == "00000"
    assert table_store.write(make(columns()), str(tmp_path))[0] == path
    assert table_store.is_frame(make(columns()))
    assert not table_store.is_frame(np.zeros((2, 2)))


def test_categories_of_numbers_and_a_named_index(tmp_path: Path):
    """Pandas' categories stay categories; an index with a name is a column."""
    frame = pd.DataFrame(columns()).assign(rooms=pd.Categorical([1, 2] * (ROWS // 2)))
    path, codes = table_store.write(frame.set_index("city"), str(tmp_path))
    assert codes == ["zip", "rooms"]
    assert pd.read_csv(path).columns.tolist() == ["city", "size", "zip", "sold", "rooms"]


def test_what_cannot_be_written_is_refused(tmp_path: Path):
    """Two columns of one name, and a folder that is not local."""
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match="'a' twice"):
        table_store.write(frame, str(tmp_path))
    with pytest.raises(DataError, match="local folder"):
        table_store.write(frame, "s3://bucket")


@pytest.mark.parametrize(
    "make", [pd.DataFrame, lambda columns: pd.DataFrame(columns, dtype="category")]
)
def test_words_that_files_have_for_missing_values_are_seen(make: Callable[..., Any]):
    """A data frame says itself what is missing: `None` is a text of it, and None is missing."""
    assert table_store.holds_words_for_missing(make({"a": ["None", "brick"]}))
    assert not table_store.holds_words_for_missing(make({"a": [None, "brick"]}))
    assert not table_store.holds_words_for_missing(make({"a": [1.5, np.nan]}))
