"""The Gaussian process, beside scikit-learn's and its own definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from tuner.search.surrogates import gaussian_process
from tuner.search.surrogates.gaussian_process import (
    JITTER,
    GaussianProcess,
    most_likely,
    stable_count,
)


def _points(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(seed).random((count, 3))
    values = np.sin(5 * rows[:, 0]) + rows[:, 1] ** 2
    return rows, (values - values.mean()) / values.std()


def _process(rows: np.ndarray, values: np.ndarray) -> GaussianProcess:
    owners = np.arange(rows.shape[1])
    return GaussianProcess(rows, owners, values, most_likely(rows, owners, values))


def test_it_predicts_what_scikit_learn_predicts():
    """With the same kernel parameters: means and deviations to 1e-6."""
    rows, values = _points(30)
    process = _process(rows, values)
    lengths, (signal, noise) = np.exp(process.theta[:3]), np.exp(process.theta[3:])
    kernel = ConstantKernel(signal) * Matern(lengths, nu=2.5) + WhiteKernel(noise)
    theirs = GaussianProcessRegressor(kernel, alpha=JITTER, optimizer=None).fit(rows, values)
    fresh = _points(20, seed=1)[0]
    means, deviations = process.predict(fresh)
    their_means, their_deviations = theirs.predict(fresh, return_std=True)
    assert means == pytest.approx(their_means, abs=1e-6)
    # Theirs are of a value with its noise, ours of the value itself.
    assert deviations**2 + noise == pytest.approx(their_deviations**2, abs=1e-6)


def test_its_gradient_is_that_of_its_posterior():
    """As finite differences find it."""
    rows, values = _points(12)
    squares = np.stack([(c[:, None] - c[None]) ** 2 for c in rows.T])
    theta = np.array([0.1, -0.4, 0.8, 0.3, -2.0])

    def value(x: np.ndarray) -> float:
        return gaussian_process._negative_log_posterior(x, squares, values, 1.5)[0]

    def gradient(x: np.ndarray) -> np.ndarray:
        return gaussian_process._negative_log_posterior(x, squares, values, 1.5)[1]

    assert check_grad(value, gradient, theta) < 1e-4


def test_it_finds_which_parameters_matter():
    """The length of one that changes nothing is longer than of those that do."""
    rows, values = _points(60)
    lengths = _process(rows, values).theta[:3]
    assert lengths[2] > lengths[:2].max()


def test_what_it_believes_of_running_trials_changes_no_mean():
    """But it is surer there."""
    rows, values = _points(30)
    process = _process(rows, values)
    fresh = _points(4, seed=1)[0]
    means, deviations = process.predict(fresh)
    process.believe(fresh[:1])
    believed, surer = process.predict(fresh)
    assert believed == pytest.approx(means, abs=1e-4)
    assert surer[0] < deviations[0]


def test_equal_points_are_no_obstacle():
    """With different values: there is noise."""
    rows, values = np.zeros((6, 2)), np.array([-1.0, 1, -1, 1, -1, 1])
    means, deviations = _process(rows, values).predict(rows)
    assert np.isfinite(means).all()
    assert np.isfinite(deviations).all()


def test_lengths_are_found_anew_now_and_then():
    """After every trial at first, later when a seventh more is known, and never from more."""
    marks = [stable_count(count) for count in range(1, 300)]
    assert marks[:8] == list(range(1, 9))
    assert all(mark <= count for count, mark in enumerate(marks, start=1))
    assert marks == sorted(marks)
    assert all(count < mark * 1.15 + 2 for count, mark in enumerate(marks, start=1))
    assert len(set(marks)) < 40
