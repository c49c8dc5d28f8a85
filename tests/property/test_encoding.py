"""Whatever a table holds: it is encoded, and rows of another one of the same columns as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tests.support.strategies import LETTERS
from tuner.datasets.columns import dates, encoding, texts
from tuner.datasets.columns.dates import Date
from tuner.datasets.columns.encoding import Category, Encoder
from tuner.datasets.columns.texts import Text

NAMES = ("first", "a/b", "last one")
KINDS = {"number": "f8", "category": "U9", "date": "M8[s]", "text": "O"}
NUMBERS = st.none() | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
TEXTS = st.sampled_from(["", "a", "b", "ß", "[UNK]", "(others)", "7"])
SECONDS = st.none() | st.integers(-(10**10), 10**11)  # 1653 to 5138
PROSE = st.text(LETTERS, max_size=30)
VALUES = {"number": NUMBERS, "category": TEXTS, "date": SECONDS, "text": PROSE}
NOTHING = {"number": np.nan, "date": np.datetime64("NaT")}


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Training rows, and others of the same columns that may hold other values."""
    kinds = [draw(st.sampled_from(list(KINDS))) for _ in NAMES]
    return rows_of(draw, kinds, 8), rows_of(draw, kinds, 5)


def rows_of(draw: st.DrawFn, kinds: list[str], count: int) -> np.ndarray:
    rows = np.empty(count, dtype=[(n, KINDS[k]) for n, k in zip(NAMES, kinds, strict=True)])
    for name, kind in zip(NAMES, kinds, strict=True):
        values: Any = draw(st.lists(VALUES[kind], min_size=count, max_size=count))
        for row, value in enumerate(values):
            rows[name][row] = NOTHING[kind] if value is None else value
        if kind != "category":
            rows[name][:2] = ("the word", "The WORD!") if kind == "text" else (1, 2)
    return rows


@given(tables(), st.sampled_from(["standard", "minmax", "none"]))
def test_every_row_has_the_columns_of_training(
    tables: tuple[np.ndarray, np.ndarray], kind: str
) -> None:
    """Finite float32, whatever other rows hold; and an encoder comes back from its dict."""
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
    """Exactly one of a row's columns is 1, that of its value."""
    train, others = tables
    for column in encoding.fit(train, "standard", impute=True).columns:
        if isinstance(column, Category):
            encoded = column.encode(others[column.name])
            assert (encoded.sum(axis=1) == 1).all()
            known = np.isin(others[column.name], train[column.name])
            np.testing.assert_array_equal(encoded[:, 0] == 0, known)
            named = [column.vocabulary[i - 1] for i in encoded[known].argmax(axis=1)]
            assert named == others[column.name][known].tolist()


@given(tables())
def test_a_date_is_in_order_and_on_circles(tables: tuple[np.ndarray, np.ndarray]) -> None:
    """Later dates have larger numbers; those that are missing are in the middle."""
    train, others = tables
    for column in encoding.fit(train, "standard", impute=True).columns:
        if isinstance(column, Date):
            times = others[column.name]
            encoded = column.encode(times)
            known = ~np.isnat(times)
            np.testing.assert_array_equal(encoded[:, 1], ~known)
            order = np.argsort(times[known])
            assert (np.diff(encoded[known, 0][order]) >= 0).all()
            circles = encoded[:, 2:].reshape(len(times), -1, 2)
            np.testing.assert_allclose(
                np.square(circles).sum(axis=2),
                known[:, None] * np.ones(circles.shape[1]),
                atol=1e-5,
            )


@given(tables())
def test_a_text_has_length_one_unless_no_word_is_known(
    tables: tuple[np.ndarray, np.ndarray],
) -> None:
    """Then it is all zeros."""
    train, others = tables
    for column in encoding.fit(train, "standard", impute=True).columns:
        if isinstance(column, Text):
            length = np.linalg.norm(column.encode(others[column.name]), axis=1)
            known = [bool({*texts.words(t)} & {*column.words}) for t in others[column.name]]
            np.testing.assert_allclose(length, known, atol=1e-5)


@given(st.lists(SECONDS, min_size=1, max_size=9))
def test_dates_survive_as_text(seconds: list[int | None]) -> None:
    """What a model is given, a table may be read from."""
    times = np.array([np.datetime64("NaT") if s is None else s for s in seconds], "M8[s]")
    text = dates.as_text(times)
    np.testing.assert_array_equal(dates.read(pd.Series(text).where(text != ""), "here"), times)
