"""A sampler that learns a Gaussian process."""

from __future__ import annotations

from tuner.search.surrogates.gaussian_process import GaussianProcess, most_likely, stable_count
from tuner.search.surrogates.known_points import KnownPoints
from tuner.search.surrogates.point_encoding import PointEncoding
from tuner.search.surrogates.surrogate_sampler import Surrogate, SurrogateSampler


class GpSampler(SurrogateSampler):
    """Tries where a Gaussian process of the losses expects progress.

    Trials that run are taken for as good as it predicts, so that workers spread.
    """

    def fit(self, known: KnownPoints, encoding: PointEncoding) -> Surrogate:
        """Returns a Gaussian process of what past trials showed."""
        first = known.first(stable_count(len(known.rows)))
        theta = most_likely(*encoding.features(first.rows), first.values)
        process = GaussianProcess(*encoding.features(known.rows), known.values, theta)
        process.believe(encoding.features(known.pending)[0])
        return process.predict
