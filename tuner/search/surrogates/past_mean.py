"""What past studies lead one to expect of a point, as the mean that a model starts from."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution

from tuner.search.past_scores import PastScores
from tuner.search.surrogates.gaussian_process import GaussianProcess, most_likely
from tuner.search.surrogates.point_encoding import PointEncoding

FADES = 30  # ended trials of its own after which a study no longer looks back
LEAST = 4  # points, from which something can be learned
BEST = 5


class PastMean:
    """A Gaussian process of past scores, whose mean others add to theirs.

    It fades: its weight falls in a straight line to nothing. Where the new study is like the past
    ones it saves the trials that would find that out; where not, it is forgotten. Parameters that
    no past point has make no difference to it.

    Args:
        past: What past studies found.
        encoding: Of the new study.
        ended: How many trials of the new study have ended.

    Attributes:
        best_rows: The best past points as rows of the encoding, shape (up to 5, parameters).
    """

    def __init__(self, past: PastScores, encoding: PointEncoding, ended: int) -> None:
        fitting = [
            (point, score)
            for point, score in zip(past.points, past.scores, strict=True)
            if all(_is_inside(d, point[n]) for n, d in encoding.distributions.items() if n in point)
        ]
        rows = encoding.encode([point for point, _ in fitting])
        scores = np.array([score for _, score in fitting])
        self._columns = np.flatnonzero(~np.isnan(rows).all(0)) if len(rows) else np.array([], int)
        self._weight = max(0.0, 1 - ended / FADES)
        self._encoding = encoding.only(self._columns)
        self.best_rows = rows[np.argsort(scores, kind="stable")[:BEST]]
        if len(fitting) < LEAST or not len(self._columns):
            self._weight = 0.0
        if self:
            learned = self._encoding.features(rows[:, self._columns])
            self._process = GaussianProcess(*learned, scores, most_likely(*learned, scores))

    def __bool__(self) -> bool:
        """Whether it has any weight."""
        return self._weight > 0

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Returns the expected scores at points, shape (points,).

        Args:
            rows: Of the new study's encoding, shape (points, parameters).
        """
        if not self:
            return np.zeros(len(rows))
        features = self._encoding.features(rows[:, self._columns])[0]
        return self._weight * self._process.predict(features)[0]


def _is_inside(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (TypeError, ValueError):  # no number, or none of the categories
        return False
