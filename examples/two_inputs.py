"""Do two images show the same digit? Rows with two inputs, and a layer that both go through.

    tuner launch examples/two_inputs.py:Siamese --data examples/two_inputs.py:pairs --trials 20

A function returns the inputs of its rows as a dict of arrays; a space gives its models inputs of
the same names. Each array is scaled by itself, and the model file takes a dict of raw arrays.
"""

from __future__ import annotations

import keras
import numpy as np
from sklearn.datasets import load_digits

from search_spaces import Choice, Float, Int, SearchSpace


def pairs():
    """Two thousand pairs of scikit-learn's digits, half of them alike."""
    digits, random = load_digits(), np.random.default_rng(0)
    first = random.integers(0, len(digits.target), 2000)
    second = random.permutation(first)
    for i in range(0, len(first), 2):  # every other pair shows the same digit
        second[i] = random.choice(np.flatnonzero(digits.target == digits.target[first[i]]))
    same = digits.target[first] == digits.target[second]
    return {"first": digits.images[first], "second": digits.images[second]}, same


class Siamese(SearchSpace):
    """One layer looks at both images; what it sees of them is compared."""

    seen = Int(8, 128, log=True, help="what is seen of an image")
    compared = Int(8, 64, log=True, help="neurons that compare")
    activation = Choice(["relu", "tanh"])
    dropout = Float(0.0, 0.5, step=0.1)

    def build(self, hyperparameters, inputs, outputs):
        """A functional model with an input for each name in ``inputs.shapes``."""
        layers, activation = keras.layers, hyperparameters["activation"]
        images = {name: keras.Input(shape, name=name) for name, shape in inputs.shapes.items()}
        look = layers.Dense(hyperparameters["seen"], activation, name="look")  # shared
        first, second = (look(layers.Flatten()(image)) for image in images.values())
        apart = keras.ops.abs(first - second)
        x = layers.Dense(hyperparameters["compared"], activation)(apart)
        x = layers.Dropout(hyperparameters["dropout"])(x)
        head = layers.Dense(outputs.units, outputs.activation, dtype="float32")
        return keras.Model(images, head(x))
