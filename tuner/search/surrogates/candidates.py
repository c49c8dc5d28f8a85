"""Points that a sampler considers: drawn all over the space, and near those that promise most."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tuner.search.surrogates.learned_conditions import LearnedConditions
from tuner.search.surrogates.point_encoding import PointEncoding

DRAWN = 1000  # candidates all over the space
BEST, NEAR_EACH = 5, 60  # candidates near each of the best points
NEAR = (0.05, 0.2)  # how far a number moves to be near: standard deviations, of its whole range
ROUNDS = 2  # of candidates near those that promise most

Promise = Callable[[np.ndarray], np.ndarray]


class Candidates:
    """Finds points that promise most.

    Args:
        encoding: Of the space.
        seen: Points that were tried, shape (points, parameters); conditions are learned from them.
        rng: Draws the candidates.

    Attributes:
        drawn: Points all over the space, shape (``DRAWN``, parameters).
    """

    def __init__(self, encoding: PointEncoding, seen: np.ndarray, rng: np.random.Generator) -> None:
        self._encoding, self._seen, self._rng = encoding, seen, rng
        self._conditions = LearnedConditions(seen)
        self.drawn = self._conditions.apply(encoding.draw(rng, DRAWN))

    def best(self, promise: Promise, around: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
        """Returns the point that was not tried and promises most, shape (parameters,).

        Args:
            promise: Of points of shape (points, parameters), higher is better, shape (points,).
            around: Points near which to look as well, shape (points, parameters).
            rounds: How often to look near the ones that promise most.
        """
        candidates = np.concatenate([self.drawn, self._near(around)])
        for _ in range(rounds + 1):
            candidates = unseen(candidates, self._seen)
            leaders = candidates[np.argsort(-promise(candidates), kind="stable")[:BEST]]
            if not (self._encoding.choices == 0).any():
                break
            candidates = np.concatenate([leaders, self._near(leaders)])
        return np.asarray(leaders[0])

    def _near(self, rows: np.ndarray) -> np.ndarray:
        """Points that differ in one parameter or two, shape (rows * NEAR_EACH, parameters)."""
        near = np.repeat(rows, NEAR_EACH, axis=0)
        count, parameters = near.shape
        fresh = self._encoding.draw(self._rng, count)
        near = np.where(np.isnan(near), fresh, near)
        width = self._rng.choice(NEAR, size=(count, 1))
        moved = np.clip(near + width * self._rng.standard_normal(near.shape), 0, 1)
        moved = np.where(self._encoding.choices > 0, fresh, moved)
        changes = np.zeros(near.shape, dtype=bool)
        for _ in range(2):
            changes[np.arange(count), self._rng.integers(parameters, size=count)] = True
        return self._conditions.apply(self._encoding.snap(np.where(changes, moved, near)))


def unseen(candidates: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Returns the candidates without those that were tried, as long as any is left."""
    tried = {row.tobytes() for row in np.round(np.nan_to_num(seen, nan=-1.0), 9)}
    rounded = np.round(np.nan_to_num(candidates, nan=-1.0), 9)
    is_new = np.array([row.tobytes() not in tried for row in rounded])
    return candidates[is_new] if is_new.any() else candidates
