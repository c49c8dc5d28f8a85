"""Arrays that cannot be trained on are refused in one line that says what is wrong."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from tuner.datasets import DataError
from tuner.datasets.checks import check
from tuner.datasets.raw_data import Arrays, Rows

X = np.ones((6, 2))
Y = np.array([0, 1] * 3)


def with_value(array, value):
    changed = array.astype(np.float64)
    changed[4] = value
    return changed


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X.astype(complex), Y, "Received: complex numbers"),
        (X.astype(str), Y, "Received: text"),
        (X.astype(object), Y, "Received: Python objects"),
        (X.astype("datetime64[s]"), Y, "values of type datetime64[s]"),
        (X[:, 0], Y, "Received: (6,): x[:, None]"),
        (X[:0], Y[:0], "which is empty"),
        (X[:, :0], Y, "which is empty"),
        (with_value(X, np.nan), Y, "Received: nan in row 4"),
        (with_value(X, np.inf), Y, "Received: inf in row 4"),
        (with_value(X, -1e30), Y, "Received: -1e+30 in row 4"),
        (X, with_value(Y, np.nan), "Received: nan in row 4"),
        (X, Y[:5], "6 rows in x and 5 targets in y"),
        (X, Y.astype(complex), "Received: complex numbers"),
        (X, Y.astype("S1"), "Received: bytes"),
        (X, Y.reshape(6, 1, 1, 1, 1), "Received: (6, 1, 1, 1, 1)"),
        (X, np.array(3), "Received: ()"),
        (X, np.array(["a", None] * 3, dtype=object), "3 missing in y, the first in row 1"),
        (X, np.array(["a", float("nan")] * 3, dtype=object), "3 missing in y"),
        (X, np.array(["a", 1] * 3, dtype=object), "Python objects such as 1"),
        (X, np.array([datetime.date(2026, 1, 1)] * 6), "Python objects such as datetime.date"),
        ([[1, 2], [3]], Y, "give every row the same shape"),
    ],
)
def test_one_line_says_what_is_wrong(x, y, message):
    """It begins with the place and the part, then what was expected and received."""
    with pytest.raises(DataError) as caught:
        check(Arrays(parts={"train": Rows(x=x, y=y)}), "here")
    assert message in str(caught.value)
    assert str(caught.value).startswith("here (train): expected")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:, :1], Y, "rows of one shape"),
        (X, np.ones((6, 3)), "targets of one shape"),
        (X, Y.astype(str), "one kind of labels"),
    ],
)
def test_parts_must_fit_together(x, y, message):
    """Rows and targets of all parts have one shape and one kind."""
    parts = {"train": Rows(x=X, y=Y), "test": Rows(x=x, y=y)}
    with pytest.raises(DataError, match=message):
        check(Arrays(parts=parts), "here")


def test_good_arrays_are_not_copied():
    """They may be as large as memory."""
    checked = check(Arrays(parts={"train": Rows(x=X, y=Y)}), "here").parts["train"]
    assert checked.x is X
    assert checked.y is Y


def test_a_column_of_targets_becomes_a_vector():
    """A last axis of length one says nothing."""
    checked = check(Arrays(parts={"train": Rows(x=X, y=Y[:, None])}), "here")
    assert checked.parts["train"].y.shape == (6,)
