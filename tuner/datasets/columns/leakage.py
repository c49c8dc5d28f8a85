"""Features that tell the target by themselves: often they were written down after it.

A column leaks a target of classes where groups of its values have one class each, and a target of
numbers where the ranks of both go together; "leakage" as in Kaufman et al., "Leakage in data
mining: formulation, detection, and avoidance", 2012.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.columns.column_kinds import is_numeric

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST_ROWS = 20_000  # that are looked at, spread evenly
FEWEST_ROWS = 50  # of fewer, some column fits by chance
MOST_CLASSES = 100
_BINS = 32  # of numbers that are many different ones
_ROWS_PER_GROUP = 10
_ERRORS = 0.01  # of those that the most frequent class alone makes
_CORRELATION = 0.999  # of ranks


def find_leaks(features: pd.DataFrame, target: pd.Series) -> list[str]:
    """Returns the columns of which each alone predicts a target almost without errors.

    Args:
        features: Numbers and categories; columns of other kinds are passed over.
        target: What is predicted, of the same rows.
    """
    rows = np.unique(np.linspace(0, len(target) - 1, min(len(target), MOST_ROWS)).astype(int))
    if len(rows) < FEWEST_ROWS:
        return []
    features, target = features.iloc[rows], target.iloc[rows]
    distinct = target.nunique()
    if is_numeric(target) and distinct > MOST_CLASSES:
        return [str(n) for n in features if _orders(features[n], target)]
    if not 1 < distinct <= MOST_CLASSES:
        return []
    classes = target.factorize()[0]
    return [str(name) for name in features if _separates(features[name], classes)]


def find_constants(features: pd.DataFrame) -> list[str]:
    """Returns the columns that have one value in all rows."""
    names = []
    for name in features.columns:
        column = features[name]
        if column.iloc[0] == column.iloc[-1] and bool((column == column.iloc[0]).all()):
            names.append(str(name))
    return names


def _orders(column: pd.Series, target: pd.Series) -> bool:
    """Whether rows in the order of a column are in the order of the target, or its opposite."""
    if not is_numeric(column) or column.nunique() <= MOST_CLASSES or column.isna().mean() > 0.5:
        return False
    return bool(abs(column.rank().corr(target.rank())) >= _CORRELATION)


def _separates(column: pd.Series, classes: NDArray[np.int64]) -> bool:
    """Whether groups of a column's values have one class each, as good as."""
    groups = _groups(column)
    if groups is None:
        return False
    counts = np.zeros((groups.max() + 1, classes.max() + 1), np.int64)
    np.add.at(counts, (groups, classes), 1)
    errors = len(classes) - counts.max(axis=1).sum()
    return bool(errors <= _ERRORS * (len(classes) - counts.sum(axis=0).max()))


def _groups(column: pd.Series) -> NDArray[Any] | None:
    """A number for each row, alike where values are; None where too few rows would be."""
    import pandas as pd

    if column.dtype.kind == "M":
        return None
    codes, values = column.factorize()
    if is_numeric(column) and len(values) > _BINS:
        codes = pd.qcut(column, _BINS, labels=False, duplicates="drop").fillna(-1).to_numpy(int)
    groups = codes + 1  # those that are missing are a group
    return None if (groups.max() + 1) * _ROWS_PER_GROUP > len(groups) else groups
