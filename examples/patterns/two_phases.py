"""Two phases with a focal loss: the head of a network first, then all of it at a smaller rate.

    tuner launch two_phases.py:objective --trials 20

The body is pre-trained on other digits than those it is tuned for. Killed, a trial resumes in the
middle of either phase: both ``fit`` share one callback.
"""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tuner.keras import TrialCallback

EPOCHS = 5


def digits(kinds):
    """Returns images of shape (rows, 8, 8, 1) in [0, 1] of some digits, and positions of those."""
    x, y = load_digits(return_X_y=True)
    chosen = np.isin(y, kinds)
    return (x[chosen] / 16).reshape(-1, 8, 8, 1), np.searchsorted(kinds, y[chosen])


def pretrained_body():
    """A convolutional body that has learnt to tell the digits 0 to 4."""
    keras.utils.set_random_seed(0)  # the same for all trials
    body = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu", padding="same"),
            layers.GlobalAveragePooling2D(),
        ]
    )
    model = keras.Sequential([body, layers.Dense(5, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*digits([0, 1, 2, 3, 4]), epochs=EPOCHS, verbose=0)
    return body


def objective(trial):
    """Returns the loss on the digits 5 to 9, which the body has never seen."""
    body = pretrained_body()
    keras.utils.set_random_seed(trial.seed)
    x, y = digits([5, 6, 7, 8, 9])
    x, x_val, y, y_val = train_test_split(
        x, np.eye(5)[y], test_size=0.25, random_state=0, stratify=y
    )
    model = keras.Sequential([body, layers.Dense(5, "softmax")])
    loss = keras.losses.CategoricalFocalCrossentropy(
        alpha=trial.suggest_float("alpha", 0.1, 0.9), gamma=trial.suggest_float("gamma", 0.0, 5.0)
    )
    phases = (
        (False, trial.suggest_float("head_rate", 1e-3, 1e-1, log=True)),
        (True, trial.suggest_float("fine_rate", 1e-5, 1e-2, log=True)),
    )
    # Trials with another loss are compared by one that is the same for all.
    compared = keras.metrics.CategoricalCrossentropy(name="crossentropy")
    callback = TrialCallback(trial, "val_crossentropy")
    for trainable, rate in phases:
        body.trainable = trainable
        model.compile(keras.optimizers.Adam(rate), loss, metrics=[compared])
        model.fit(
            x,
            y,
            validation_data=(x_val, y_val),
            epochs=EPOCHS,
            verbose=0,
            callbacks=[callback],
        )
    trial.log_model(model)
    return float(model.evaluate(x_val, y_val, verbose=0, return_dict=True)["crossentropy"])
