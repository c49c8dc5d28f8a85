"""Whatever a table holds: it is encoded, and rows of another one of the same columns as well."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tuner.datasets import encoding
from tuner.datasets.encoding import Category, Encoder

NAMES = ("first", "a/b", "last one")
NUMBERS = st.none() | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
TEXTS = st.sampled_from(["", "a", "b", "ß", "[UNK]", "(others)", "7"])


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Training rows, and others of the same columns that may hold other values."""
    kinds = [draw(st.booleans()) for _ in NAMES]
    return rows_of(draw, kinds, 8), rows_of(draw, kinds, 5)


def rows_of(draw: st.DrawFn, kinds: list[bool], count: int) -> np.ndarray:
    rows = np.empty(
        count, dtype=[(n, float if k else "U9") for n, k in zip(NAMES, kinds, strict=True)]
    )
    for name, numeric in zip(NAMES, kinds, strict=True):
        values: Any = draw(st.lists(NUMBERS if numeric else TEXTS, min_size=count, max_size=count))
        rows[name] = [np.nan if value is None else value for value in values]
        if numeric:
            rows[name][:2] = 1.0, 2.0
    return rows


@given(tables(), st.sampled_from(["standard", "minmax", "none"]))
def test_every_row_has_the_columns_of_training(
    tables: tuple[np.ndarray, np.ndarray], kind: str
) -> None:
    train, others = tables
    encoder = encoding.fit(train, kind, impute=True)
    assert Encoder.from_dict(encoder.to_dict()) == encoder
    width = sum(column.width for column in encoder.columns)
    for rows in (train, others):
        encoded = encoder.transform(rows)
        assert encoded.shape == (len(rows), width)
        assert encoded.dtype == np.float32
        assert np.isfinite(encoded).all()


@given(tables())
def test_a_category_is_one_column_and_what_is_unknown_the_first(
    tables: tuple[np.ndarray, np.ndarray],
) -> None:
    train, others = tables
    for column in encoding.fit(train, "standard", impute=True).columns:
        if isinstance(column, Category):
            encoded = column.encode(others[column.name])
            assert (encoded.sum(axis=1) == 1).all()
            known = np.isin(others[column.name], train[column.name])
            np.testing.assert_array_equal(encoded[:, 0] == 0, known)
            named = [column.vocabulary[i - 1] for i in encoded[known].argmax(axis=1)]
            assert named == others[column.name][known].tolist()
