"""Losses, metrics and callbacks of one's own.

    tuner launch mlp --data breast-cancer --set loss=usual,own.py:dice --objective own.py:profit

Functions are given targets and answers of the same shape ``(rows, units)``, classes as rows of
zeros and a one, and return one number for each row. A loss is made small; of a metric
``--direction`` says which way it is better, unless its name does.
"""

import keras
from keras import ops

GAIN, COST = 10.0, 1.0  # of a row that was rightly picked, and of picking one


def dice(y_true, y_pred):
    """One less the overlap of what is there and what was found (Dice, 1945), smoothed by 1."""
    shared = ops.sum(y_true * y_pred, axis=-1)
    return 1 - (2 * shared + 1) / (ops.sum(y_true, axis=-1) + ops.sum(y_pred, axis=-1) + 1)


def shortage(y_true, y_pred):
    """Cost of an order that misses the demand: too little is four times as bad as too much."""
    lacking = y_true - y_pred
    return ops.mean(ops.maximum(4 * lacking, -lacking), axis=-1)


def tilted(y_true, y_pred, tilt=0.5):
    """The pinball loss of a quantile (Koenker and Bassett, 1978): ``--set loss.tilt=0.1..0.9``."""
    lacking = y_true - y_pred
    return ops.mean(ops.maximum(tilt * lacking, (tilt - 1) * lacking), axis=-1)


def profit(y_true, y_pred):
    """What a row earns if it is picked whenever that is expected to pay."""
    picked = ops.cast(y_pred * GAIN > COST, y_pred.dtype)
    return ops.mean(picked * (y_true * GAIN - COST), axis=-1)


class Announce(keras.callbacks.Callback):
    """Says how it goes; `tuner logs STUDY TRIAL` shows it."""

    def __init__(self, trial):
        super().__init__()
        print(f"trial {trial.number} of {trial.study}: {trial.params['batch_size']} rows a batch")

    def on_epoch_end(self, epoch, logs=None):
        print(f"epoch {epoch + 1}: {logs['val_loss']:.4f}")
