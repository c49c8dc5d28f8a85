"""Columns that count the rows of a table, as an index does that was written with it.

They tell nothing of rows to come, and everything of rows that are sorted by their target.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LEFT_OUT = (
    "{source}: left out what has no name or only counts the rows: {names}. To keep it: --drop none"
)
FEWEST_ROWS = 10  # that are counted: any two numbers follow one another by chance
_TIMES = re.compile(  # names of what goes on by one and still tells something: a trend
    r"(?:year|yr|month|week|day|hour|minute|date|time|period|quarter)s?|t", re.IGNORECASE
)
_UNNAMED = re.compile(r"Unnamed: \d+(\.\d+)*|\s*")  # as pandas calls a column without a name


def is_unnamed(name: object) -> bool:
    """Whether a column has no name in its file, or the one that pandas gives to such."""
    return _UNNAMED.fullmatch(str(name)) is not None


def find(features: pd.DataFrame, *, with_times: bool = True) -> list[str]:
    """Returns the columns that have no name, or whose numbers go up by one from row to row.

    A column that is the only one is a feature: such as the day, of a series in time.

    Args:
        features: A table's columns.
        with_times: Whether those are meant, too, whose name says that they are times, as year does.
    """
    unnamed = [str(name) for name in features.columns if is_unnamed(name)]
    named = [name for name in features.columns if not is_unnamed(name)]
    asked = named if with_times else [n for n in named if not _TIMES.fullmatch(str(n).strip())]
    counting = [str(name) for name in asked if _numbers_rows(features[name])]
    return [*unnamed, *(counting if len(counting) < len(named) else [])]


def find_shuffled(features: pd.DataFrame) -> list[str]:
    """Returns the columns that hold each number from 0 or 1 on once, in another order."""
    return [str(name) for name in features.columns if _numbers_rows(features[name], shuffled=True)]


def _numbers_rows(column: pd.Series, *, shuffled: bool = False) -> bool:
    values = column.to_numpy()
    if values.dtype.kind not in "iuf" or len(values) < FEWEST_ROWS:
        return False
    first = values.min() if shuffled else values[0]
    if not np.isfinite(first) or first != np.floor(first) or (shuffled and first not in (0, 1)):
        return False
    if shuffled and values.max() != first + len(values) - 1:
        return False
    ordered = np.sort(values) if shuffled else values
    return bool((ordered == first + np.arange(len(ordered))).all())
