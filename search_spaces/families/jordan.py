"""Jordan's recurrent network, for sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.families import common_layers
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras


class Jordan(SearchSpace):
    """Jordan's network for sequences: its output, not its hidden state, is fed back.

    Jordan, Serial Order: A Parallel Distributed Processing Approach, 1986. With the activation f
    and the head g of the task, ``h_t = f(W x_t + V y_(t-1) + b)`` and ``y_t = g(U h_t + c)``; the
    answer is the last y. All that it remembers of a sequence is one answer: as many numbers as
    the task has outputs. Rows of any number of steps go through one loop.
    """

    name = "jordan"
    input_axes = (("steps",), ("steps", "features"))
    alternative = "cnn for images"

    units = Int(
        16, 128, log=True, default=64, limits=Limits(at_least=1), help="neurons of the hidden layer"
    )
    activation = Choice(
        ["tanh", "sigmoid", "relu"],
        allowed=common_layers.PLAIN_ACTIVATIONS,
        help="activation of the hidden layer",
    )
    dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=Limits(at_least=0, below=1),
        help="dropout rate of the inputs",
    )

    initial_points = (
        {"optimizer": "adam", "learning_rate": 3e-3, "batch_size": 64, "epochs": 30},
        {"optimizer": "adam", "activation": "relu", "units": 128, "schedule": "cosine"},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        self.check(inputs, outputs)
        x = rows = common_layers.rows(inputs)
        if len(inputs.shape) == 1:
            x = keras.layers.Reshape((*inputs.shape, 1), name="feature")(x)
        width = max(hyperparameters["units"], outputs.units)
        x = keras.layers.SimpleRNN(
            width,
            activation=_answer(width, hyperparameters["activation"], outputs),
            dropout=hyperparameters["dropout"],
            dtype="float32",
            name="feedback",
        )(x)
        x = keras.layers.Reshape((width, 1), dtype="float32", name="state")(x)
        x = keras.layers.Cropping1D((0, width - outputs.units), dtype="float32", name="answer")(x)
        x = keras.layers.Reshape((outputs.units,), dtype="float32", name="answers")(x)
        return keras.Model(rows, x, name=self.name)


def _answer(width: int, activation: str, outputs: Outputs) -> keras.Model:
    """Returns what stands in the place of a recurrent layer's activation.

    The state of Keras's layer is then the network's answer, ``units`` numbers followed by zeros,
    so that its recurrent kernel sees nothing else; its rows that meet zeros stay as they are. In
    float32 under every policy, because a head's answer goes round.

    Returns:
        A model of shape (batch, width) to (batch, width), from ``W x + V y + b`` to the answer.
    """
    import keras

    whole = {"dtype": "float32"}
    x = sums = keras.Input((width,), name="sums", **whole)
    x = keras.layers.Activation(activation, name="hidden", **whole)(x)
    x = common_layers.head(x, outputs)
    x = keras.layers.Reshape((outputs.units, 1), name="column", **whole)(x)
    x = keras.layers.ZeroPadding1D((0, width - outputs.units), name="zeros", **whole)(x)
    x = keras.layers.Reshape((width,), name="padded", **whole)(x)
    return keras.Model(sums, x, name="output")
