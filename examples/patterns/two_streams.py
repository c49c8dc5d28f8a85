"""Two streams and two outputs, whose losses have weights that are searched.

    tuner launch two_streams.py:Streams --data two_streams.py:halves \
      --set loss_weights.ink=0.1..10:log --trials 20

The upper and the lower half of a digit go through layers of their own; one output says which digit
it is, the other one how much ink was used. Trials with other weights are compared by the sum of
both losses without weights.
"""

from __future__ import annotations

import keras
from sklearn.datasets import load_digits

from search_spaces import Float, Int, SearchSpace


def halves():
    """Returns both halves of scikit-learn's digits, and what is to be found out of them."""
    digits = load_digits()
    images, ink = digits.images, digits.data.mean(axis=1)
    return {"upper": images[:, :4], "lower": images[:, 4:]}, {"digit": digits.target, "ink": ink}


class Streams(SearchSpace):
    """A stream for each input, side by side before the outputs."""

    stream = Int(8, 128, log=True, help="neurons of each stream")
    together = Int(16, 128, log=True, help="neurons that see both streams")
    dropout = Float(0.0, 0.5, step=0.1)

    def build(self, hyperparameters, inputs, outputs):
        """A functional model with inputs and outputs by name."""
        layers = keras.layers
        rows = {name: keras.Input(shape, name=name) for name, shape in inputs.shapes.items()}
        streams = [
            layers.Dense(hyperparameters["stream"], "relu")(layers.Flatten()(part))
            for part in rows.values()
        ]
        x = layers.Concatenate()(streams)
        x = layers.Dense(hyperparameters["together"], "relu")(x)
        x = layers.Dropout(hyperparameters["dropout"])(x)
        answers = {
            name: layers.Dense(head.units, head.activation, dtype="float32", name=name)(x)
            for name, head in outputs.heads.items()
        }
        return keras.Model(rows, answers)
