"""Two phases: the head of a network learns first, then all of it, more slowly.

    tuner launch fine_tuning.py:FineTuned --data fine_tuning.py:large_digits --trials 20

The body has learned to tell the digits 0 to 4; now those from 5 to 9 are told.
"""

from functools import cache

import keras
from keras import layers
from sklearn.datasets import load_digits

from search_spaces import Float, Int, Phase, SearchSpace


def images(kept):
    """Returns images of shape (rows, 8, 8) in [0, 1] with their digits, of those that are kept."""
    x, y = load_digits(return_X_y=True)
    return (x[kept(y)] / 16).reshape(-1, 8, 8), y[kept(y)]


def large_digits():
    """Returns the digits that are to be told apart."""
    return images(lambda y: y >= 5)


@cache  # once in a process
def weights_of_body():
    """Returns the weights of a body that has learned other digits, the same in every process."""
    keras.utils.set_random_seed(0)
    body = new_body()
    model = keras.Sequential([body, layers.Dense(5, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*images(lambda y: y < 5), epochs=3, verbose=0)
    return body.get_weights()


def new_body():
    """Returns a convolutional network without a head."""
    return keras.Sequential(
        [
            keras.Input((8, 8)),
            layers.Reshape((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu", padding="same"),
            layers.GlobalAveragePooling2D(),
        ],
        name="body",
    )


class FineTuned(SearchSpace):
    """A body that knows something already, and a new head."""

    head_rate = Float(1e-3, 1e-1, log=True, help="learning rate of the head, in the first phase")
    fine_rate = Float(1e-5, 1e-2, log=True, help="learning rate of all layers, in the second one")
    head_epochs = Int(1, 5, help="epochs of the first phase")

    def build(self, hyperparameters, inputs, outputs):
        """A model whose layers have names, by which phases call them."""
        rows, body = keras.Input(inputs.shape), new_body()
        body.set_weights(weights_of_body())
        head = layers.Dense(outputs.units, outputs.activation, name="head")
        return keras.Model(rows, head(body(rows)))

    def phases(self, hyperparameters):
        """The trial has as many epochs as both phases together."""
        first = hyperparameters["head_epochs"]
        return [
            Phase(trainable="head", learning_rate=hyperparameters["head_rate"], epochs=first),
            Phase(trainable="all", learning_rate=hyperparameters["fine_rate"], epochs=6 - first),
        ]
