"""Deep belief networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces import blocks
from search_spaces.choices import Choice
from search_spaces.ranges import Float, Int
from search_spaces.rbm import VISIBLE, check_probabilities
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace
from search_spaces.values import Limits

if TYPE_CHECKING:
    import keras
    import numpy as np

_COUNT = Limits(at_least=1)


class DBN(SearchSpace):
    """Deep belief network: stacked Boltzmann machines, then trained as a whole by the targets.

    Hinton, Osindero and Teh, A Fast Learning Algorithm for Deep Belief Nets, 2006; with numbers as
    targets too. Each hidden layer in turn learns its inputs for `pretraining` epochs by contrastive
    divergence. The head learns beside it, on hidden layers that it does not change, so that the
    validation loss is the same measure in every epoch and means something to pruning and early
    stopping. The rest of the epochs are backpropagation through all layers.
    """

    name = "dbn"

    visible = Choice(
        ["gaussian"],
        known=VISIBLE,
        help="what rows are: standardised numbers, or with --scaling minmax probabilities (binary)",
    )
    layers = Int(1, 3, default=2, limits=Limits(at_least=1, at_most=20), help="hidden layers")
    units = Int(16, 512, log=True, default=128, limits=_COUNT, per="layers", help="units of one")
    pretraining = Int(
        0, 5, default=3, limits=Limits(at_least=0), help="epochs that each layer learns rows for"
    )
    k = Choice(
        [1, 2], limits=Limits(at_least=1, at_most=100), help="steps of Gibbs sampling (CD-k)"
    )
    dropout = Choice(
        [0.0, 0.2],
        default=0.0,
        limits=Limits(at_least=0, below=1),
        help="share of a hidden layer's outputs dropped once targets are learned",
    )
    learning_rate = Float(
        1e-3, 3e-2, log=True, default=1e-2, limits=Limits(above=0), help="length of the first steps"
    )
    epochs = Int(
        10, 30, step=5, default=20, limits=_COUNT, help="passes over the training data, all in all"
    )

    starts = (
        {"optimizer": "adam", "units": 256, "learning_rate": 3e-3, "epochs": 30},
        {"optimizer": "adam", "layers": 1, "units": 512, "learning_rate": 5e-3},
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

        from search_spaces.learners.dbn import DeepBelief

        self.check(inputs, outputs)
        rows = blocks.rows(inputs)
        x = blocks.flat(rows)
        for i in range(hyperparameters["layers"]):
            # By its inputs' number, not Hinton's 0.01: without pretraining it would not learn.
            x = keras.layers.Dense(
                hyperparameters[f"units_{i}"], activation="sigmoid", name=f"hidden_{i}"
            )(x)
            if hyperparameters["dropout"]:
                x = keras.layers.Dropout(hyperparameters["dropout"], name=f"hidden_{i}_dropout")(x)
        return DeepBelief(
            rows,
            blocks.head(x, outputs),
            name=self.name,
            depth=hyperparameters["layers"],
            pretraining=hyperparameters["pretraining"],
            binary=hyperparameters["visible"] == "binary",
            k=hyperparameters["k"],
        )
