"""Deep belief networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.families import common_layers
from search_spaces.families.rbm import VISIBLE, check_visible
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

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
        allowed=VISIBLE,
        help="visible units: gaussian for standardized rows, binary with --scaling minmax",
    )
    layers = Int(1, 3, default=2, limits=Limits(at_least=1, at_most=20), help="hidden layers")
    units = Int(
        16, 512, log=True, default=128, limits=_COUNT, per="layers", help="units of a hidden layer"
    )
    pretraining = Int(
        0, 5, default=3, limits=Limits(at_least=0), help="epochs of pretraining for each layer"
    )
    k = Choice(
        [1, 2], limits=Limits(at_least=1, at_most=100), help="steps of Gibbs sampling (CD-k)"
    )
    dropout = Choice(
        [0.0, 0.2],
        default=0.0,
        limits=Limits(at_least=0, below=1),
        help="dropout rate of hidden layers after pretraining",
    )
    learning_rate = Float(
        1e-3, 3e-2, log=True, default=1e-2, limits=Limits(above=0), help="initial learning rate"
    )
    epochs = Int(
        10,
        30,
        step=5,
        default=20,
        limits=_COUNT,
        help="total epochs: passes over the training data",
    )

    initial_points = (
        {"optimizer": "adam", "units": 256, "learning_rate": 3e-3, "epochs": 30},
        {"optimizer": "adam", "layers": 1, "units": 512, "learning_rate": 5e-3},
    )

    def check_values(self, rows: np.ndarray) -> None:
        check_visible(self, rows)

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        from search_spaces.families.dbn_model import DBNModel

        self.check(inputs, outputs)
        rows = common_layers.rows(inputs)
        x = common_layers.flat(rows)
        for i in range(hyperparameters["layers"]):
            # By its inputs' number, not Hinton's 0.01: without pretraining it would not learn.
            x = keras.layers.Dense(
                hyperparameters[f"units_{i}"], activation="sigmoid", name=f"hidden_{i}"
            )(x)
            if hyperparameters["dropout"]:
                x = keras.layers.Dropout(hyperparameters["dropout"], name=f"hidden_{i}_dropout")(x)
        return DBNModel(
            rows,
            common_layers.head(x, outputs),
            name=self.name,
            depth=hyperparameters["layers"],
            pretraining=hyperparameters["pretraining"],
            binary=hyperparameters["visible"] == "binary",
            k=hyperparameters["k"],
        )
