"""Restricted Boltzmann machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.families import common_layers
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras
    import numpy as np

VISIBLE = ("gaussian", "binary")
SPREAD = 0.01  # of the first weights: Hinton 2010, section 8


def check_probabilities(rows: np.ndarray, whose: str, otherwise: str) -> None:
    """Refuses rows that are no probabilities, as binary units take them.

    Raises:
        SpaceError: A value lies below 0 or above 1; what to do ``otherwise``.
    """
    low, high = float(rows.min()), float(rows.max())
    if low < 0 or high > 1:
        raise SpaceError(
            f"Expected rows in [0, 1] for {whose}. "
            f"Received: numbers from {low:.4g} to {high:.4g}: {otherwise}."
        )


def check_visible(space: SearchSpace, rows: np.ndarray) -> None:
    """Refuses rows that the visible units of a space do not take; see ``check_probabilities``."""
    if "binary" in (space.parameters["visible"].options or ()):
        whose = f"visible=binary of {space.name}"
        check_probabilities(rows, whose, "take --scaling minmax, or --set visible=gaussian")


class RBM(SearchSpace):
    """Restricted Boltzmann machine: learns the distribution of rows by contrastive divergence.

    Hinton, Training Products of Experts by Minimizing Contrastive Divergence, 2002; Tieleman,
    Training Restricted Boltzmann Machines Using Approximations to the Likelihood Gradient, 2008.
    Trials are compared by how well rows come back from the hidden units' probabilities (mean
    squared error). The metric ``free_energy_gap`` says how much more free energy these rows have
    than training rows; it grows with overfitting. Gaussian visible units have unit variance and
    are right for standardized rows; binary ones are probabilities, right for ``--scaling minmax``.
    """

    own_loss = True
    name = "rbm"
    learns = "rows"

    visible = Choice(
        ["gaussian"],
        allowed=VISIBLE,
        help="visible units: gaussian for standardized rows, binary with --scaling minmax",
    )
    # The more, the smaller the error: as of an autoencoder's code it is for the user to say.
    hidden = Int(64, 64, limits=Limits(at_least=1), help="hidden units: --set hidden=32")
    k = Choice(
        [1, 2, 5], limits=Limits(at_least=1, at_most=100), help="steps of Gibbs sampling (CD-k)"
    )
    persistent = Choice([False, True], help="persistent Markov chains for Gibbs sampling (PCD)")
    penalty = Choice(
        [0.0, 1e-5, 1e-4, 1e-3],
        default=0.0,
        limits=Limits(at_least=0),
        help="L2 regularization of the kernel",
    )
    learning_rate = Float(
        1e-3, 5e-2, log=True, default=1e-2, limits=Limits(above=0), help="initial learning rate"
    )

    initial_points = (
        {"optimizer": "sgd", "momentum": 0.5, "learning_rate": 0.01, "epochs": 30},
        {"optimizer": "adam", "learning_rate": 1e-2, "schedule": "cosine", "epochs": 30},
        {"optimizer": "adam", "persistent": True, "learning_rate": 3e-3, "batch_size": 64},
    )

    def check_values(self, rows: np.ndarray) -> None:
        check_visible(self, rows)

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        from search_spaces.families.rbm_model import RBMModel

        self.check(inputs, outputs)
        binary = hyperparameters["visible"] == "binary"
        rows = common_layers.rows(inputs)
        x = keras.layers.Dense(
            hyperparameters["hidden"],
            activation="sigmoid",
            kernel_initializer=keras.initializers.RandomNormal(stddev=SPREAD),
            name="hidden",
        )(common_layers.flat(rows))
        x = keras.layers.Dense(
            outputs.units,
            activation="sigmoid" if binary else "linear",
            dtype="float32",
            name="visible",
        )(x)
        return RBMModel(
            rows,
            x,
            name=self.name,
            binary=binary,
            k=hyperparameters["k"],
            chains=hyperparameters["batch_size"] if hyperparameters["persistent"] else 0,
            penalty=hyperparameters["penalty"],
        )
