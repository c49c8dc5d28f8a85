"""A first line of numbers is told from a row, or is asked about: never is a row lost or made up."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.datasets.sources.header_row import names_columns


def lines(text: str) -> list[list[str]]:
    return [line.split(",") for line in text.splitlines()]


def told(text: str) -> bool | None:
    first, *others = lines(text)
    return names_columns(first, others)


def written(frame: pd.DataFrame, **options: bool) -> str:
    file = io.StringIO()
    frame.to_csv(file, **options)
    return file.getvalue()


values = st.integers(1, 12).flatmap(
    lambda columns: st.lists(
        st.lists(st.floats(-1e6, 1e6), min_size=columns, max_size=columns), min_size=1, max_size=5
    )
)


@given(values)
def test_a_data_frame_without_names_is_told_from_its_rows(rows: list[list[float]]):
    """As pandas writes it with the numbers of its columns, with its index too, and without both."""
    frame = pd.DataFrame(rows)
    assert told(written(frame, index=False)) is True
    assert told(written(frame, index=True)) is True
    assert told(written(frame, index=False, header=False)) is False


@given(st.lists(st.lists(st.integers(0, 255), min_size=6, max_size=6), min_size=2, max_size=5))
def test_whole_numbers_too(rows: list[list[int]]):
    """As pixels are; nothing that counts from 0 stands in the first of these rows."""
    frame = pd.DataFrame([[9, *row] for row in rows])
    assert told(written(frame, index=False)) is True
    assert told(written(frame, index=False, header=False)) is not True


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a,b\n1,2\n", True),
        (",0,1,2,3\n0,5,5,6,1\n", True),
        ("1,2,3,4\n7,7,0,1\n", True),
        ("5,1,3\n0.5,1.5,2.5\n", True),
        ("0,0,1,0\n1,0,0,0\n", False),
        ("7,3,9,9\n1,2,3,4\n", False),
        ("0.5,1\n0,1\n", False),
        ("nan,0.5,2\n1.5,0.5,1\n", False),
        ("7,3\n1,2\n", False),
        ("1,2\n5,0\n", False),
        ("0,1,2,3\n4,5,6,7\n", False),
        ("0,1\n2,3\n", False),
        ("0,1\n5,7\n", None),
        ("0\n1\n0\n", None),
        ("2019,2020,2021\n5,7,7\n", None),
        ("5,1\n0.5,1.5\n", None),
        ("0,1,2\n", None),
    ],
)
def test_what_nobody_can_tell_is_not_guessed(text: str, header: bool | None):
    """Counting from 0 or 1, even steps, or whole numbers above numbers with a point."""
    assert told(text) is header


def test_two_columns_of_numbers_with_a_point():
    """As toys have them."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)))
    assert told(written(frame, index=False)) is True
