"""Rows to come with categories that a model does not know are counted."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.models import unseen_categories


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["x", "y", "", "NA"], None),
        (["x", "z", "z", "y"], "2 of 4 rows have a category in 'a' that no training row has ('z')"),
        (
            ["p", "q", "r", "s"],
            "4 of 4 rows have a category in 'a' that no training row has ('p', ",
        ),
    ],
)
def test_new_categories_are_counted(texts: list[str], told: str | None):
    """With the first of them; a missing value, however it is spelt, is none where one is known."""
    columns = {"a": np.array(texts, object)[:, None]}
    notes = list(unseen_categories.notes(columns, {"a": ["", "x", "y"]}, "new.csv"))
    assert len(notes) == (told is not None)
    assert told is None or told in notes[0]


def test_columns_whose_rare_categories_share_an_input_are_passed_over():
    """There nobody can tell what is new."""
    columns = {"a": np.array([["z"]], object)}
    assert not list(unseen_categories.notes(columns, {"a": [*map(str, range(100))]}, "new.csv"))
