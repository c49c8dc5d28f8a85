"""Hopfield networks: associative memories."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.families import common_layers
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits, format_value, is_number
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras
    import numpy as np

MOST = 1024  # units: each is connected with every other
STEEP = 2.0**20  # slope around the threshold, where units are neither -1 nor 1
_COUNT = Limits(at_least=1)


class Hopfield(SearchSpace):
    """Hopfield network: stores binary patterns of rows, and recalls them from corrupted ones.

    Hopfield, Neural Networks and Physical Systems with Emergent Collective Computational Abilities,
    1982. A unit is 1 where a scaled value lies above the threshold, else -1; what is recalled
    becomes a row again by the mean of training rows on either side. Trials are compared by the mean
    squared error of rows that are recalled after a share of their units was turned over, the same
    units in each trial. Nothing descends a gradient: there is no optimizer to be searched.
    """

    own_loss = True
    name = "hopfield"
    learns = "rows"

    rule = Choice(
        ["hebbian", "pseudo-inverse"],
        help="learning rule: Hebbian, or the pseudo-inverse, which stores correlated patterns too",
    )
    stored = Choice(
        ["clusters", "rows"],
        help="stored patterns: centres of k-means clusters, or the first training rows",
    )
    patterns = Int(
        2,
        64,
        log=True,
        default=8,
        limits=Limits(at_least=1, at_most=1024),
        help="number of stored patterns",
    )
    self_connections = Choice(
        [False, True], help="whether units keep their connections to themselves"
    )
    update = Choice(
        ["synchronous", "asynchronous"],
        help="whether a step updates all units at once or group by group",
    )
    groups = Int(
        4,
        4,
        limits=Limits(at_least=2),
        when={"update": "asynchronous"},
        help="groups of units that are updated one after another",
    )
    steps = Choice(
        [1, 2, 5, 10], limits=Limits(at_least=1, at_most=100), help="update steps of a recall"
    )
    # What trials are compared by: for the user to say, not for a search to find.
    corruption = Float(
        0.1,
        0.1,
        limits=Limits(at_least=0, at_most=0.5),
        help="share of units flipped in rows to recall",
    )
    threshold = Float(
        0.0, 0.0, limits=Limits(), help="scaled value above which a unit is 1, else -1"
    )
    epochs = Int(5, 5, limits=_COUNT, help="passes over the training data, for k-means to settle")
    batch_size = Choice([32], limits=_COUNT, help="batch size")
    optimizer = Choice(["adam"], help="unused: Hopfield networks have no gradient descent")
    learning_rate = Float(1e-3, 1e-3, limits=Limits(above=0), help="unused")
    schedule = Choice(["constant"], help="unused")

    initial_points = (
        {"rule": "pseudo-inverse", "patterns": 16},
        {"rule": "pseudo-inverse", "patterns": 32, "steps": 1},
        {"rule": "hebbian", "patterns": 3, "update": "asynchronous"},
    )

    @classmethod
    def declared(cls) -> dict[str, Parameter]:
        """Without the others of training, which say how a gradient is descended."""
        return {name: p for name, p in super().declared().items() if hasattr(cls, name)}

    def check(self, inputs: Inputs, outputs: Outputs | None = None) -> None:
        super().check(inputs, outputs)
        values = math.prod(inputs.shape)
        if values > MOST:
            raise SpaceError(
                f"Expected rows of at most {MOST} values for {self.name}, which connects each with "
                f"all others. Received: {values} values, {inputs.shape}: take autoencoder with "
                "--set noise=masking."
            )

    def check_values(self, rows: np.ndarray) -> None:
        low, high = float(rows.min()), float(rows.max())
        threshold = self.parameters["threshold"]
        for value in (threshold.at(0.0), threshold.at(math.nextafter(1.0, 0.0))):
            if is_number(value) and not low < value < high:
                raise SpaceError(
                    f"Expected a threshold between the values of {self.name}'s rows, {low:.4g} to "
                    f"{high:.4g}. Received: {format_value(value)}: take "
                    f"--set threshold={(low + high) / 2:.4g}."
                )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        from search_spaces.families.hopfield_model import HopfieldModel

        self.check(inputs, outputs)
        rows = common_layers.rows(inputs)
        groups = min(hyperparameters.get("groups", 1), outputs.units)
        x = _signs(common_layers.flat(rows), hyperparameters["threshold"])
        x = _recall(x, groups=groups, steps=hyperparameters["steps"])
        names = ("rule", "stored", "patterns", "self_connections", "corruption", "threshold")
        facts = {name: hyperparameters[name] for name in names}
        return HopfieldModel(rows, _values(x), name=self.name, groups=groups, **facts)


def _signs(x: keras.KerasTensor, threshold: float) -> keras.KerasTensor:
    """Returns 1 where values lie above the threshold, else -1."""
    import keras

    x = keras.layers.Rescaling(
        STEEP, offset=-STEEP * threshold - 1.0, dtype="float32", name="above"
    )(x)
    return keras.layers.Activation("hard_tanh", dtype="float32", name="signs")(x)


def _recall(x: keras.KerasTensor, *, groups: int, steps: int) -> keras.KerasTensor:
    """Returns the units after all steps, in each of which the groups take turns.

    A turn is one layer in which the units of other groups only see themselves. Whole weights make
    ``hard_tanh`` the sign.
    """
    import keras

    turns = [
        keras.layers.Dense(
            x.shape[-1],
            activation="hard_tanh",
            use_bias=False,
            kernel_initializer="identity",
            trainable=False,
            dtype="float32",
            name=f"turn_{i}",
        )
        for i in range(groups)
    ]
    for _ in range(steps):
        for turn in turns:
            x = turn(x)
    return x


def _values(x: keras.KerasTensor) -> keras.KerasTensor:
    """Returns scaled values: of each unit one for -1 and one for 1."""
    import keras

    return keras.layers.EinsumDense(
        "bi,i->bi",
        output_shape=x.shape[-1],
        bias_axes="i",
        trainable=False,
        dtype="float32",
        name="values",
    )(x)
