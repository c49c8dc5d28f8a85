"""Boltzmann machines whose units are all connected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.families import common_layers
from search_spaces.families.rbm import check_probabilities
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras
    import numpy as np

MOST = 128  # visible units, hidden ones too: a sweep takes one step for each unit
SETTLING = 8  # steps in which the hidden units' probabilities find each other


class Boltzmann(SearchSpace):
    """Boltzmann machine: learns the distribution of short binary rows, with all units connected.

    Ackley, Hinton and Sejnowski, A Learning Algorithm for Boltzmann Machines, 1985. Unlike in
    ``rbm`` visible units are connected with each other, and hidden ones too. Weights follow the
    difference of correlations with rows clamped and without, by Gibbs sampling. Trials are compared
    by how well rows come back (mean squared error): each value's probability given the others and
    the hidden units' mean field (Peterson and Anderson, 1987). Rows are 0 and 1, or probabilities:
    they want ``--scaling minmax``.
    """

    own_loss = True
    name = "boltzmann"
    learns = "rows"

    # The more, the smaller the error: as of an autoencoder's code it is for the user to say.
    hidden = Int(
        16, 16, limits=Limits(at_least=1, at_most=MOST), help="hidden units: --set hidden=32"
    )
    sweeps = Choice(
        [1, 2, 5],
        limits=Limits(at_least=1, at_most=100),
        help="sweeps of Gibbs sampling per step, in the clamped and the free phase",
    )
    persistent = Choice([False, True], help="persistent Markov chains for the free phase (PCD)")
    penalty = Choice(
        [0.0, 1e-4, 1e-3], default=0.0, limits=Limits(at_least=0), help="L2 regularization"
    )
    learning_rate = Float(
        1e-3, 5e-2, log=True, default=1e-2, limits=Limits(above=0), help="initial learning rate"
    )

    initial_points = (
        {"optimizer": "adam", "learning_rate": 1e-2, "schedule": "cosine", "epochs": 30},
        {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05, "epochs": 30},
        {"optimizer": "adam", "persistent": True, "sweeps": 5, "learning_rate": 3e-3},
    )

    def check(self, inputs: Inputs, outputs: Outputs | None = None) -> None:
        super().check(inputs, outputs)
        values = math.prod(inputs.shape)
        if values > MOST:
            raise SpaceError(
                f"Expected rows of at most {MOST} values for {self.name}, which draws one unit "
                f"after another. Received: {values} values, {inputs.shape}: take rbm."
            )

    def check_values(self, rows: np.ndarray) -> None:
        check_probabilities(rows, self.name, "take --scaling minmax")

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        from search_spaces.families.boltzmann_model import BoltzmannModel

        self.check(inputs, outputs)
        rows = common_layers.rows(inputs)
        return BoltzmannModel(
            rows,
            _settle(common_layers.flat(rows), hyperparameters["hidden"]),
            name=self.name,
            sweeps=hyperparameters["sweeps"],
            chains=hyperparameters["batch_size"] if hyperparameters["persistent"] else 0,
            penalty=hyperparameters["penalty"],
        )


def _settle(v: keras.KerasTensor, hidden: int) -> keras.KerasTensor:
    """Returns the visible units' probabilities given each other and the hidden units' mean field.

    ``m = sigmoid(W_hv v + W_hh m + b_h)``, half the way in each step so that it does not swing;
    then ``sigmoid(W_vh m + W_vv v + b_v)``, in which no unit sees itself.
    """
    import keras

    def dense(units: int, name: str, *, bias: bool) -> keras.Layer:
        return keras.layers.Dense(units, use_bias=bias, trainable=False, dtype="float32", name=name)

    def total(parts: list[keras.KerasTensor], name: str) -> keras.KerasTensor:
        x = keras.layers.Add(dtype="float32", name=f"{name}_field")(parts)
        return keras.layers.Activation("sigmoid", dtype="float32", name=name)(x)

    up, lateral = dense(hidden, "upward", bias=True)(v), dense(hidden, "lateral", bias=False)
    m = keras.layers.Activation("sigmoid", dtype="float32", name="field_0")(up)
    for i in range(1, SETTLING + 1):
        new = total([up, lateral(m)], f"hidden_{i}")
        m = keras.layers.Average(dtype="float32", name=f"field_{i}")([m, new])
    down = dense(v.shape[-1], "downward", bias=True)(m)
    return total([down, dense(v.shape[-1], "beside", bias=False)(v)], "visible")
