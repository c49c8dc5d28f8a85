"""A Gaussian process over points of a search space: Rasmussen and Williams, 2006, chapters 2 and 5.

Matern 5/2 kernel with a length for each parameter, found as the maximum of their posterior. The
lengths' prior grows with the number of parameters, as Hvarfner, Hellsten and Nardi ("Vanilla
Bayesian Optimization Performs Great in High Dimensions", 2024) found it needs to.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

JITTER = 1e-6  # of the diagonal: keeps the Cholesky factor of near-equal points real
NOISE_PRIOR = np.log(0.02), 1.5  # mean and deviation of the noise's log, at losses of variance 1
LENGTH_DEVIATION = np.sqrt(3)
BOUNDS = {"length": (-3, 5), "signal": (-4, 3), "noise": (np.log(1e-4), 0.5)}
MOST_STEPS = 25  # of the optimizer
GROWTH = 1.15  # how much more is known before lengths are found anew


class GaussianProcess:
    """Predicts a number, with its uncertainty, at points.

    Args:
        features: Shape (points, features).
        owners: Which parameter each feature is of, shape (features,).
        values: What was seen there, of mean about 0 and variance about 1, shape (points,).
        theta: Logarithms of the kernel's parameters: a length for each parameter of the space, then
            the variance of the signal, then that of the noise. See ``most_likely``.
    """

    def __init__(
        self, features: np.ndarray, owners: np.ndarray, values: np.ndarray, theta: np.ndarray
    ) -> None:
        self._features, self._owners, self.theta = features, owners, theta
        self._update(values)

    def _update(self, values: np.ndarray) -> None:
        self._values = values
        covariance = self._kernel(self._features, self._features)
        covariance[np.diag_indices_from(covariance)] += np.exp(self.theta[-1]) + JITTER
        self._factor = cho_factor(covariance, lower=True)[0]
        self._weights = cho_solve((self._factor, True), values)

    def believe(self, features: np.ndarray) -> None:
        """Takes for seen what it predicts at points whose values are not known yet.

        So points that others work on are not proposed again: Ginsbourger, Le Riche and Carraro,
        "Kriging Is Well-Suited to Parallelize Optimization", 2010.

        Args:
            features: Shape (points, features).
        """
        if len(features):
            means = self.predict(features)[0]
            self._features = np.concatenate([self._features, features])
            self._update(np.concatenate([self._values, means]))

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns mean and standard deviation at points, both of shape (points,)."""
        kernel = self._kernel(features, self._features)
        explained = solve_triangular(self._factor, kernel.T, lower=True)
        variance = np.exp(self.theta[-2]) - (explained * explained).sum(0)
        return kernel @ self._weights, np.sqrt(np.maximum(variance, 1e-10))

    def _kernel(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        scales = np.exp(-self.theta[:-2])[self._owners]
        a, b = some * scales, others * scales
        squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
        scaled, decay = _matern(np.maximum(squares, 0))
        kernel: np.ndarray = np.exp(self.theta[-2]) * (1 + scaled + scaled * scaled / 3) * decay
        return kernel


def most_likely(features: np.ndarray, owners: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the kernel's parameters at the maximum of their posterior.

    What was found for the same arguments is remembered: it takes far longer than a prediction.

    Args:
        features: As for ``GaussianProcess``, and so are the others.
    """
    return _most_likely(features.tobytes(), features.shape, owners.tobytes(), values.tobytes())


def stable_count(count: int) -> int:
    """Returns from how many of so many points kernel parameters are found.

    They change little with each point more: they stay until a seventh more is known.
    """
    stop = min(count, 8)
    while int(stop * GROWTH) + 1 <= count:
        stop = int(stop * GROWTH) + 1
    return stop


@lru_cache(maxsize=16)
def _most_likely(
    feature_bytes: bytes, shape: tuple[int, int], owner_bytes: bytes, value_bytes: bytes
) -> np.ndarray:
    features = np.frombuffer(feature_bytes).reshape(shape)
    owners, values = np.frombuffer(owner_bytes, dtype=int), np.frombuffer(value_bytes)
    parameters = int(owners.max()) + 1
    squares = np.stack(
        [_squared_distances(features[:, owners == j]) for j in range(parameters)]
    )  # (parameters, points, points)
    prior_mean = np.sqrt(2) + 0.5 * np.log(parameters)
    bounds = [BOUNDS["length"]] * parameters + [BOUNDS["signal"], BOUNDS["noise"]]
    start = np.concatenate([np.zeros(parameters), [0.0, np.log(0.05)]])
    result = minimize(
        _negative_log_posterior,
        start,
        args=(squares, values, prior_mean),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": MOST_STEPS},
    )
    return np.asarray(result.x)


def _negative_log_posterior(
    theta: np.ndarray, squares: np.ndarray, values: np.ndarray, prior_mean: float
) -> tuple[float, np.ndarray]:
    """Up to a constant, with its gradient: Rasmussen and Williams, equations 5.8 and 5.9."""
    inverse_squares = np.exp(-2 * theta[:-2])
    signal, noise = np.exp(theta[-2:])
    scaled, decay = _matern(np.tensordot(inverse_squares, squares, 1))
    kernel = (1 + scaled + scaled * scaled / 3) * decay
    covariance = signal * kernel + (noise + JITTER) * np.eye(len(values))
    factor = cho_factor(covariance, lower=True)
    weights = cho_solve(factor, values)
    slope = 0.5 * (cho_solve(factor, np.eye(len(values))) - np.outer(weights, weights))

    value = 0.5 * values @ weights + np.log(np.diag(factor[0])).sum()
    # The kernel's derivative by the log of a length: 5/3 (1 + r) exp(-r) d^2 / length^2.
    by_length = slope * (signal * 5 / 3) * (1 + scaled) * decay
    gradient = np.concatenate(
        [
            np.tensordot(squares, by_length, 2) * inverse_squares,
            [(slope * kernel).sum() * signal, np.trace(slope) * noise],
        ]
    )
    means = np.concatenate([np.full(len(theta) - 2, prior_mean), [0.0, NOISE_PRIOR[0]]])
    deviations = np.concatenate([np.full(len(theta) - 2, LENGTH_DEVIATION), [1.0, NOISE_PRIOR[1]]])
    z = (theta - means) / deviations
    return float(value + 0.5 * z @ z), gradient + z / deviations


def _matern(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scaled = np.sqrt(5 * squares)
    return scaled, np.exp(-scaled)


def _squared_distances(columns: np.ndarray) -> np.ndarray:
    differences = columns[:, None] - columns[None]
    return np.asarray((differences * differences).sum(2))
