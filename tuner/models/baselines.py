"""What a forecast must beat: predictions of a time series that take no training worth the name.

Each sees the windows that the model sees. See Hyndman and Athanasopoulos, Forecasting: Principles
and Practice, 2021, chapter 5.2, for the first two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.models.scores import of_regression

if TYPE_CHECKING:
    from tuner.datasets import Data

Floats = NDArray[np.floating[Any]]
PENALTY = 1.0  # of the ridge regression, on standardised lags


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A simple forecast of the test part.

    Attributes:
        name: What it predicts, in words.
        scores: ``mae``, ``rmse`` and ``r2`` in the target's unit, over several steps the means.
    """

    name: str
    scores: dict[str, float]


def baselines(data: Data, target: str) -> list[Baseline]:
    """Returns the last value, the value of a season ago, and a ridge regression on all lags.

    Args:
        data: Windows, see ``tuner.datasets.sources.time_series``.
        target: The column that is predicted; where it is no column of the windows, the ridge
            regression alone can be had.
    """
    train, test = (np.asarray(data.raw(part)) for part in ("train", "test"))
    goals = {part: _columns(data.raw_targets(part)) for part in ("train", "test")}
    forecasts: dict[str, Floats] = {}
    if target in (data.columns or ()):
        place, steps = (data.columns or ()).index(target), goals["test"].shape[1]
        history = test[:, :, place]
        forecasts["the last value"] = np.repeat(history[:, -1:], steps, axis=1)
        season = find_season(train[:, :, place], goals["train"])
        if season is not None:
            forecasts[f"the value of {season} rows before"] = seasonal(history, season, steps)
    name = f"a ridge regression on {test[0].size} lags"
    forecasts[name] = _ridge(train, goals["train"], test)
    return [
        Baseline(name=name, scores=_scores(goals["test"], values))
        for name, values in forecasts.items()
    ]


def find_season(history: Floats, goals: Floats) -> int | None:
    """Returns the season of 2 rows or more with the least absolute error on the training rows.

    Args:
        history: The target within each window, ``(windows, length)``.
        goals: What follows, ``(windows, steps)``.

    Returns:
        None where a window is too short for any.
    """
    steps = goals.shape[1]
    errors = {
        season: float(np.abs(seasonal(history, season, steps) - goals).mean())
        for season in range(2, history.shape[1] + 1)
    }
    return min(errors, key=lambda season: errors[season], default=None)


def seasonal(history: Floats, season: int, steps: int) -> Floats:
    """Returns for each step the value of its place in the last season, ``(windows, steps)``."""
    last = history[:, -season:]
    return last[:, np.arange(steps) % season]


def _ridge(train: Floats, goals: Floats, test: Floats) -> Floats:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), Ridge(alpha=PENALTY))
    model.fit(train.reshape(len(train), -1), goals)
    return _columns(model.predict(test.reshape(len(test), -1)))


def _columns(values: Any) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    return array.reshape(len(array), -1)


def _scores(expected: Floats, values: Floats) -> dict[str, float]:
    scores = of_regression(expected, values)
    return {name: scores[name] for name in ("mae", "rmse", "r2")}
