"""An LSTM over windows whose length is searched, with over-sampled classes and smoothed labels.

    pip install vega_datasets
    tuner launch windowed_lstm.py:objective --trials 20 --direction max

Will it rain tomorrow in Seattle, from the weather of the last days? Wet days are drawn again until
both classes are as many, and new ones lie between two neighbours (Chawla et al., SMOTE, 2002,
doi:10.1613/jair.953): in the training part alone, which ends before validation begins.
"""

import keras
import numpy as np
from keras import layers
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from vega_datasets import data

from tuner.keras import TrialCallback

FEATURES = ["precipitation", "temp_max", "temp_min", "wind"]


def windows(length):
    """Returns windows (days, length, features) of the past, and whether the next day is wet."""
    weather = data.seattle_weather().sort_values("date")
    values = weather[FEATURES].to_numpy("float32")
    values = (values - values[:700].mean(axis=0)) / values[:700].std(axis=0)
    past = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)[:-1]
    wet = (weather["precipitation"].to_numpy() > 0).astype("float32")[length:]
    return past.transpose(0, 2, 1), wet


def oversample(x, y, seed):
    """Adds rows of the rarer class, each between a row and one of its five neighbours."""
    rare = float(y.mean() < 0.5)
    rows = x[y == rare].reshape((y == rare).sum(), -1)
    missing = int((y != rare).sum() - len(rows))
    random = np.random.default_rng(seed)
    near = NearestNeighbors(n_neighbors=6).fit(rows).kneighbors(rows, return_distance=False)
    first = random.integers(len(rows), size=missing)
    other = near[first, random.integers(1, 6, size=missing)]
    between = rows[first] + random.random((missing, 1)) * (rows[other] - rows[first])
    added = between.reshape(-1, *x.shape[1:]).astype("float32")
    return np.concatenate([x, added]), np.concatenate([y, np.full(missing, rare, "float32")])


def objective(trial, epochs=10):
    """Returns the area under the ROC curve of the last third of all days."""
    keras.utils.set_random_seed(trial.seed)
    x, y = windows(trial.suggest_int("window", 2, 14))
    border = len(y) * 2 // 3
    validation = x[border:], y[border:]
    x, y = oversample(x[:border], y[:border], trial.seed)
    model = keras.Sequential(
        [
            layers.LSTM(trial.suggest_int("units", 8, 64, log=True)),
            layers.Dropout(trial.suggest_float("dropout", 0.0, 0.5)),
            layers.Dense(1, "sigmoid"),
        ]
    )
    loss = keras.losses.BinaryCrossentropy(
        label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2)
    )
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    auc = keras.metrics.AUC(name="auc")
    model.compile(keras.optimizers.Adam(rate), loss, metrics=[auc])
    callback = TrialCallback(trial, "val_auc")
    model.fit(x, y, validation_data=validation, epochs=epochs, verbose=0, callbacks=[callback])
    trial.log_model(model)
    return roc_auc_score(validation[1], model.predict(validation[0], verbose=0))
