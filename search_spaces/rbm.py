"""Restricted Boltzmann machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces import blocks
from search_spaces.choices import Choice
from search_spaces.errors import SpaceError
from search_spaces.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace
from search_spaces.values import Limits

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


class RBM(SearchSpace):
    """Restricted Boltzmann machine: learns the distribution of rows by contrastive divergence.

    Hinton, Training Products of Experts by Minimizing Contrastive Divergence, 2002; Tieleman,
    Training Restricted Boltzmann Machines Using Approximations to the Likelihood Gradient, 2008.
    Trials are compared by how well rows come back from the hidden units' probabilities (mean
    squared error). The metric ``free_energy_gap`` says how much more free energy these rows have
    than training rows; it grows with overfitting. Gaussian visible units have unit variance and
    are right for standardised rows; binary ones are probabilities, right for ``--scaling minmax``.
    """

    own_loss = True
    name = "rbm"
    learns = "rows"

    visible = Choice(
        ["gaussian"],
        known=VISIBLE,
        help="what rows are: standardised numbers, or with --scaling minmax probabilities (binary)",
    )
    # The more, the smaller the error: as of an autoencoder's code it is for the user to say.
    hidden = Int(64, 64, limits=Limits(at_least=1), help="hidden units: --set hidden=32")
    k = Choice(
        [1, 2, 5], limits=Limits(at_least=1, at_most=100), help="steps of Gibbs sampling (CD-k)"
    )
    persistent = Choice(
        [False, True], help="whether the chains of sampling go on from batch to batch"
    )
    penalty = Choice(
        [0.0, 1e-5, 1e-4, 1e-3],
        default=0.0,
        limits=Limits(at_least=0),
        help="weight of the squared kernel (L2)",
    )
    learning_rate = Float(
        1e-3, 5e-2, log=True, default=1e-2, limits=Limits(above=0), help="length of the first steps"
    )

    starts = (
        {"optimizer": "sgd", "momentum": 0.5, "learning_rate": 0.01, "epochs": 30},
        {"optimizer": "adam", "learning_rate": 1e-2, "schedule": "cosine", "epochs": 30},
        {"optimizer": "adam", "persistent": True, "learning_rate": 3e-3, "batch_size": 64},
    )

    def check_values(self, rows: np.ndarray) -> None:
        if "binary" in (self.parameters["visible"].options or ()):
            check_probabilities(
                rows,
                f"visible=binary of {self.name}",
                "take --scaling minmax, or --set visible=gaussian",
            )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        from search_spaces.learners.rbm import ContrastiveDivergence

        self.check(inputs, outputs)
        binary = hyperparameters["visible"] == "binary"
        rows = blocks.rows(inputs)
        x = keras.layers.Dense(
            hyperparameters["hidden"],
            activation="sigmoid",
            kernel_initializer=keras.initializers.RandomNormal(stddev=SPREAD),
            name="hidden",
        )(blocks.flat(rows))
        x = keras.layers.Dense(
            outputs.units,
            activation="sigmoid" if binary else "linear",
            dtype="float32",
            name="visible",
        )(x)
        return ContrastiveDivergence(
            rows,
            x,
            name=self.name,
            binary=binary,
            k=hyperparameters["k"],
            chains=hyperparameters["batch_size"] if hyperparameters["persistent"] else 0,
            penalty=hyperparameters["penalty"],
        )
