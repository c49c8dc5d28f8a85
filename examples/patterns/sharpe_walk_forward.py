"""Shares are weighed by a network whose loss is the Sharpe ratio of a whole batch, year by year.

    pip install vega_datasets
    tuner launch sharpe_walk_forward.py:objective --trials 20 --direction max

The loss has no value for a single row: it is the mean of a batch of monthly returns over their
deviation. Each year is forecast by a model that has seen the years before it alone (walk-forward),
and each year is a step at which a hopeless trial is pruned.
"""

import keras
import numpy as np
import optuna
from keras import ops
from vega_datasets import data

FIRST_YEAR, LAST_YEAR = 2005, 2009


def monthly_returns():
    """Returns months (pandas) and returns, of shape (months, shares), of five large companies."""
    prices = data.stocks().pivot(index="date", columns="symbol", values="price").dropna()
    returns = prices.pct_change().dropna()
    return returns.index, returns.to_numpy("float32")


def sharpe_loss(returns, weights):
    """Minus the yearly Sharpe ratio of a batch, both of shape (months, shares)."""
    earned = ops.sum(returns * weights, axis=-1)
    return -np.sqrt(12) * ops.mean(earned) / (ops.std(earned) + 1e-6)


def objective(trial):
    """Returns the Sharpe ratio over all years that were forecast."""
    keras.utils.set_random_seed(trial.seed)
    months, returns = monthly_returns()
    window = trial.suggest_int("window", 3, 12)
    rows = np.lib.stride_tricks.sliding_window_view(returns, window, axis=0)[:-1]
    targets, years = returns[window:], months.year[window:]
    units = trial.suggest_int("units", 4, 64, log=True)
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    earned = []
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        past, present = years < year, years == year
        model = keras.Sequential(
            [
                keras.layers.Flatten(),
                keras.layers.Dense(units, "tanh"),
                keras.layers.Dense(returns.shape[1], "softmax"),
            ]
        )
        model.compile(keras.optimizers.Adam(rate), loss=sharpe_loss)
        model.fit(rows[past], targets[past], batch_size=int(past.sum()), epochs=20, verbose=0)
        weights = model.predict(rows[present], verbose=0)
        earned.extend((targets[present] * weights).sum(axis=1))
        trial.report(float(np.sqrt(12) * np.mean(earned) / np.std(earned)), year)
        if trial.should_prune():
            raise optuna.TrialPruned
    trial.set_user_attr("months", len(earned))
    return float(np.sqrt(12) * np.mean(earned) / np.std(earned))
