"""A sampler that learns a forest of extremely randomized trees."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from tuner.search.surrogates.known_points import KnownPoints
from tuner.search.surrogates.point_encoding import PointEncoding
from tuner.search.surrogates.surrogate_sampler import Surrogate, SurrogateSampler

TREES = 30
LEAST_DEVIATION = 1e-3  # where all trees agree


class ForestSampler(SurrogateSampler):
    """Tries where trees disagree or agree on progress; for noisy losses and many conditions.

    Geurts, Ernst and Wehenkel, "Extremely Randomized Trees", 2006; as a model of losses: Hutter,
    Hoos and Leyton-Brown, "Sequential Model-Based Optimization for General Algorithm
    Configuration", 2011.
    """

    def fit(self, known: KnownPoints, encoding: PointEncoding) -> Surrogate:
        """Returns a forest of what past trials showed; those that run are known to no tree."""
        forest = ExtraTreesRegressor(
            TREES, min_samples_split=3, random_state=int(self._rng.integers(2**31))
        )
        forest.fit(encoding.features(known.rows)[0], known.values)

        def predict(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            answers = np.stack([tree.predict(features) for tree in forest.estimators_])
            return answers.mean(0), answers.std(0) + LEAST_DEVIATION

        return predict
