"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces import blocks
from search_spaces.choices import Choice
from search_spaces.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace
from search_spaces.values import Limits

if TYPE_CHECKING:
    import keras


class MLP(SearchSpace):
    """Multilayer perceptron: fully connected layers for tables and small images."""

    layers = Int(1, 3, default=2, limits=Limits(at_least=1, at_most=100), help="hidden layers")
    units = Int(
        16,
        512,
        log=True,
        default=128,
        limits=Limits(at_least=1),
        per="layers",
        help="neurons of a hidden layer",
    )
    activation = Choice(
        ["relu", "tanh", "elu", "silu", "gelu"],
        known=blocks.ACTIVATIONS,
        help="of the hidden layers",
    )
    dropout = Float(
        0.0,
        0.5,
        step=0.05,
        default=0.0,
        limits=Limits(at_least=0, below=1),
        help="share of a hidden layer's outputs dropped in training",
    )
    normalization = Choice(
        blocks.NORMALIZATIONS,
        help="batch normalisation before or after the activation, or none",
    )
    penalty = Choice(
        [0.0, 1e-6, 1e-5, 1e-4, 1e-3],
        default=0.0,
        limits=Limits(at_least=0),
        help="weight of the hidden layers' kernels in the loss",
    )
    # Off unless they are asked for: --set initializer=he_normal,glorot_uniform
    regularizer = blocks.REGULARIZER
    initializer = blocks.INITIALIZER
    input_dropout = Float(
        0.0,
        0.0,
        limits=Limits(at_least=0, below=1),
        off=0.0,
        help="share of a row's values dropped in training",
    )
    dropout_after = Choice(
        ["all"], known=blocks.PLACES, off="all", help="the hidden layers that dropout follows"
    )

    starts = (
        {"optimizer": "adam", "units": 256, "dropout": 0.2, "batch_size": 64, "epochs": 30},
        {
            "optimizer": "adam",
            "layers": 3,
            "normalization": "before",
            "dropout": 0.3,
            "learning_rate": 3e-3,
            "batch_size": 64,
        },
        {"optimizer": "adam", "layers": 1, "units": 512, "learning_rate": 1e-3, "epochs": 30},
        {
            "optimizer": "sgd",
            "momentum": 0.9,
            "nesterov": True,
            "learning_rate": 0.03,
            "schedule": "cosine",
            "epochs": 30,
        },
        {"optimizer": "adam", "layers": 1, "units": 32, "learning_rate": 1e-2, "batch_size": 16},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        rows = blocks.rows(inputs)
        x = blocks.flat(rows)
        if hyperparameters.get("input_dropout"):
            x = keras.layers.Dropout(hyperparameters["input_dropout"], name="rows_dropout")(x)
        x = blocks.hidden(x, hyperparameters)
        return keras.Model(rows, blocks.head(x, outputs), name=self.name)
