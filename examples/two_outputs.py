"""Which digit is it, and how much ink was used? One network with two outputs.

    tuner launch examples/two_outputs.py:Shared --data examples/two_outputs.py:digits --trials 20

A function returns the targets of its rows as a dict of arrays; a space gives its models outputs of
the same names. Each has a task of its own, found from its targets: here ten classes and a number.
The loss is the sum of theirs, and the model file answers with a dict.
"""

from __future__ import annotations

import keras
from sklearn.datasets import load_digits

from search_spaces import Choice, Float, Int, SearchSpace


def digits():
    """Scikit-learn's digits, with the digit and the mean darkness of its pixels."""
    found = load_digits()
    return found.data, {"digit": found.target, "ink": found.data.mean(axis=1)}


class Shared(SearchSpace):
    """What both outputs need is found by layers that they share."""

    shared = Int(16, 256, log=True, help="neurons that both outputs see")
    own = Int(8, 64, log=True, help="neurons of each output alone")
    activation = Choice(["relu", "tanh"])
    dropout = Float(0.0, 0.5, step=0.1)

    def build(self, hyperparameters, inputs, outputs):
        """A functional model with an output for each name in ``outputs.heads``."""
        layers, activation = keras.layers, hyperparameters["activation"]
        rows = keras.Input(inputs.shape)
        x = layers.Dense(hyperparameters["shared"], activation)(rows)
        x = layers.Dropout(hyperparameters["dropout"])(x)
        answers = {}
        for name, head in outputs.heads.items():
            own = layers.Dense(hyperparameters["own"], activation)(x)
            last = layers.Dense(head.units, head.activation, dtype="float32", name=name)
            answers[name] = last(own)
        return keras.Model(rows, answers)
