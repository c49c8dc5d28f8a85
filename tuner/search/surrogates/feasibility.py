"""How likely points satisfy the constraints of a study, learned from those that did or did not."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from tuner.search.surrogates.gaussian_process import GaussianProcess, most_likely
from tuner.search.surrogates.known_points import KnownPoints
from tuner.search.surrogates.point_encoding import PointEncoding

LEAST = 2  # trials, from which something can be learned
LEAST_DEVIATION = 1e-3


class Feasibility:
    """The probability that a point may be tried.

    A Gaussian process of the margins: Gardner et al., "Bayesian Optimization with Inequality
    Constraints", 2014. It needs constraints of which each trial says how far it is from violating
    them. One that ran out of memory says only that it did: that counts as the worst loss, which
    keeps samplers away more surely than two labels would.

    Args:
        known: What past trials showed.
        encoding: Of their parameters.
    """

    def __init__(self, known: KnownPoints, encoding: PointEncoding) -> None:
        self._encoding = encoding
        margins, rows = known.margins, np.concatenate([known.rows, known.refused])
        self._process = None
        is_known = ~np.isnan(margins)
        margins, rows = margins[is_known], rows[is_known]
        if len(margins) < LEAST:
            return
        self._middle, self._scale = margins.mean(), max(margins.std(), LEAST_DEVIATION)
        values = (margins - self._middle) / self._scale
        learned = encoding.features(rows)
        self._process = GaussianProcess(*learned, values, most_likely(*learned, values))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Returns the probability at points, shape (points,).

        Args:
            rows: Shape (points, parameters).
        """
        if self._process is None:
            return np.ones(len(rows))
        means, deviations = self._process.predict(self._encoding.features(rows)[0])
        limit = -self._middle / self._scale
        return np.asarray(ndtr((limit - means) / np.maximum(deviations, LEAST_DEVIATION)))
