"""Simple forecasts beside which a model's errors are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from tuner.datasets import DataSpec, load
from tuner.models.baselines import baselines, find_season, seasonal


@pytest.fixture
def spec(tmp_path: Path) -> DataSpec:
    """A season of 7 rows with noise."""
    rows = np.arange(300)
    y = np.sin(2 * np.pi * rows / 7) + np.random.default_rng(0).normal(scale=0.1, size=300)
    pd.DataFrame({"y": y, "other": np.cos(rows)}).to_csv(tmp_path / "s.csv", index=False)
    return DataSpec(source=str(tmp_path / "s.csv"), target="y", window=10, horizon=2)


def test_forecasts_are_those_computed_by_hand(spec: DataSpec):
    """The last value, the season that is in the data, and scikit-learn's ridge regression."""
    data = load(spec)
    last, season, ridge = baselines(data, "y")
    x, y = np.asarray(data.raw("test")), data.raw_targets("test")
    repeated = np.stack([x[:, -1, 0], x[:, -1, 0]], axis=1)
    assert last.scores["mae"] == pytest.approx(mean_absolute_error(y, repeated))
    assert season.name == "the value of 7 rows before"
    before = np.stack([x[:, 3, 0], x[:, 4, 0]], axis=1)
    assert season.scores["rmse"] == pytest.approx(
        np.mean([root_mean_squared_error(y[:, step], before[:, step]) for step in range(2)])
    )
    lags = {part: np.asarray(data.raw(part)).reshape(-1, 20) for part in ("train", "test")}
    mean, spread = lags["train"].mean(axis=0), lags["train"].std(axis=0)
    model = Ridge(alpha=1.0).fit((lags["train"] - mean) / spread, data.raw_targets("train"))
    predicted = model.predict((lags["test"] - mean) / spread)
    assert ridge.name == "a ridge regression on 20 lags"
    assert ridge.scores["mae"] == pytest.approx(mean_absolute_error(y, predicted))
    assert ridge.scores["mae"] < last.scores["mae"]


def test_a_season_shorter_than_the_horizon_is_repeated():
    """Each step has the value of its place in the season."""
    history = np.array([[1.0, 2.0, 3.0, 4.0]])
    np.testing.assert_array_equal(seasonal(history, 2, 5), [[3, 4, 3, 4, 3]])
    assert find_season(np.array([[5.0]]), np.array([[5.0]])) is None


def test_a_target_that_is_in_no_window(spec: DataSpec):
    """Nothing of its past is seen: the ridge regression alone can be had."""
    data = load(DataSpec(**{**spec.to_dict(), "columns": ("other",)}))
    assert [one.name for one in baselines(data, "y")] == ["a ridge regression on 10 lags"]
