"""The multilayer perceptron."""

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
        allowed=common_layers.ACTIVATIONS,
        help="activation of the hidden layers",
    )
    dropout = Float(
        0.0,
        0.5,
        step=0.05,
        default=0.0,
        limits=Limits(at_least=0, below=1),
        help="dropout rate of the hidden layers",
    )
    normalization = common_layers.NORMALIZATION
    penalty = Choice(
        [0.0, 1e-6, 1e-5, 1e-4, 1e-3],
        default=0.0,
        limits=Limits(at_least=0),
        help="weight of the regularization of hidden kernels",
    )
    # Off unless they are asked for: --set initializer=he_normal,glorot_uniform
    regularizer = common_layers.REGULARIZER
    initializer = common_layers.INITIALIZER
    input_dropout = Float(
        0.0,
        0.0,
        limits=Limits(at_least=0, below=1),
        disabled_value=0.0,
        help="dropout rate of the inputs",
    )
    dropout_after = Choice(
        ["all"],
        allowed=common_layers.PLACES,
        disabled_value="all",
        help="hidden layers that are followed by dropout",
    )

    initial_points = (
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

        rows = common_layers.rows(inputs)
        x = common_layers.flat(rows)
        if hyperparameters.get("input_dropout"):
            x = keras.layers.Dropout(hyperparameters["input_dropout"], name="rows_dropout")(x)
        x = common_layers.hidden(x, hyperparameters)
        return keras.Model(rows, common_layers.head(x, outputs), name=self.name)
