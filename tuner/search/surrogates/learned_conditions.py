"""Which parameters exist under which values of others, as past points show it."""

from __future__ import annotations

import numpy as np


class LearnedConditions:
    """Says which parameters a new point would have, from those that past points had.

    Code that asks for parameters as it runs declares no conditions. But where `units_2` was there
    whenever `layers` was 3 and never when it was 1 or 2, one need not be told.

    Args:
        rows: Past points, shape (points, parameters), NaN where a parameter did not exist.
    """

    def __init__(self, rows: np.ndarray) -> None:
        self._parents: dict[int, tuple[int, np.ndarray, np.ndarray]] = {}
        missing = np.isnan(rows)
        for child in np.flatnonzero(missing.any(0)):
            exists = ~missing[:, child]
            for parent in range(rows.shape[1]):
                with_it = np.unique(rows[exists, parent])
                without_it = np.unique(rows[~exists, parent])
                if parent != child and _is_told_apart(with_it, without_it):
                    self._parents[int(child)] = (parent, with_it, without_it)
                    break

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Returns rows of the same shape, without what they would not have."""
        rows = rows.copy()
        for child, (parent, with_it, without_it) in self._parents.items():
            values = rows[:, parent]
            lacks_parent = np.isnan(values)
            nearer = _distance(values, without_it) < _distance(values, with_it)
            lacks = np.where(lacks_parent, np.isnan(without_it).any(), nearer)
            rows[lacks, child] = np.nan
        return rows


def _is_told_apart(some: np.ndarray, others: np.ndarray) -> bool:
    both = np.concatenate([some, others])
    shared = len(np.unique(both)) < len(both)  # NaN counts as one value
    return len(some) > 0 and len(others) > 0 and not shared


def _distance(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """From each value to the nearest known one; infinite where none is a number."""
    known = known[~np.isnan(known)]
    if not len(known):
        return np.full(len(values), np.inf)
    return np.asarray(np.abs(values[:, None] - known).min(1))
