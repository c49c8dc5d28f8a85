"""Generative adversarial networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.families import common_layers
from search_spaces.optimizers import OURS
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras

_COUNT = Limits(at_least=1)
_LAYERS = Limits(at_least=1, at_most=20)
# Of the sums that noise is taken from, whose whole parts are thrown away. Larger ones would spread
# rows that lie closer together, and let the last digit of a rounding be seen in the noise.
STRETCHES = (31.0, 11.0)


class GAN(SearchSpace):
    """Generative adversarial network: learns to make rows that cannot be told from real ones.

    Goodfellow et al., Generative Adversarial Nets, 2014. The validation loss is the unbiased
    kernel discrepancy (Gretton et al., 2012) between generated and held-out rows, 0 for rows of
    the same distribution, so that trials whose discriminators differ are compared by one measure.

    A saved model makes one row from each row it is given, whose only use is to be different:
    noise is drawn from its digits. Any numbers will do, and equal rows make equal rows.
    """

    own_loss = True
    name = "gan"
    learns = "rows"

    latent = Int(2, 32, log=True, default=8, limits=_COUNT, help="size of the latent vector")
    layers = Int(1, 3, default=2, limits=_LAYERS, help="hidden layers of the generator")
    units = Int(
        16,
        256,
        log=True,
        default=64,
        limits=_COUNT,
        per="layers",
        help="neurons of a hidden layer of the generator",
    )
    activation = Choice(
        ["relu", "tanh", "elu", "silu"],
        allowed=common_layers.PLAIN_ACTIVATIONS,
        help="activation of the generator's hidden layers",
    )
    normalization = Choice(
        ["none", "before"],
        allowed=common_layers.NORMALIZATIONS,
        help="batch normalization in the generator, before or after the activation, or none",
    )
    opponent_layers = Int(
        1, 3, default=2, limits=_LAYERS, help="hidden layers of the discriminator"
    )
    opponent_units = Int(
        16,
        256,
        log=True,
        default=128,
        limits=_COUNT,
        help="neurons of each of the discriminator's hidden layers",
    )
    opponent_dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=Limits(at_least=0, below=1),
        help="dropout rate of these layers",
    )
    smoothing = Choice(
        [0.0, 0.1, 0.2],
        limits=Limits(at_least=0, below=1),
        help="one-sided label smoothing: real rows have the label 1 - smoothing",
    )
    # Momentum makes two players circle each other: Radford et al., 2016, take 0.5.
    optimizer = Choice(
        ["adam", "rmsprop"],
        allowed=tuple(OURS),
        help="optimizer of generator and discriminator",
    )
    beta_1 = Choice(
        [0.5, 0.9],
        default=0.5,
        limits=Limits(at_least=0, below=1),
        when={"optimizer": ("adam", "adamw", "nadam", "adamax")},
        help="decay rate of the first moment",
    )
    momentum = Float(
        0.0,
        0.9,
        default=0.0,
        limits=Limits(at_least=0, below=1),
        when={"optimizer": ("sgd", "rmsprop")},
        help="momentum",
    )
    learning_rate = Float(
        1e-4, 1e-2, log=True, default=1e-3, limits=Limits(above=0), help="initial learning rate"
    )
    epochs = Int(20, 100, step=20, default=60, limits=_COUNT, help="passes over the training data")

    initial_points = (
        {"optimizer": "adam", "batch_size": 64, "schedule": "cosine", "units": 128},
        {"optimizer": "adam", "batch_size": 128, "learning_rate": 2e-3, "opponent_units": 128},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        from search_spaces.families.gan_model import GANModel

        self.check(inputs, outputs)
        rows = common_layers.rows(inputs)
        noise = _noise(common_layers.flat(rows), hyperparameters["latent"])
        return GANModel(
            rows,
            _generator(hyperparameters, outputs)(noise),
            name=self.name,
            discriminator=_discriminator(hyperparameters, math.prod(inputs.shape)),
            smoothing=hyperparameters["smoothing"],
        )


def _generator(hyperparameters: Mapping[str, Any], outputs: Outputs) -> keras.Model:
    import keras

    noise = keras.Input((hyperparameters["latent"],), name="noise")
    names = ("layers", "activation", "normalization")
    shared = {name: hyperparameters[name] for name in names}
    widths = {f"units_{i}": hyperparameters[f"units_{i}"] for i in range(shared["layers"])}
    x = common_layers.hidden(noise, {**shared, **widths, "dropout": 0.0, "penalty": 0.0})
    return keras.Model(noise, common_layers.head(x, outputs), name="generator")


def _discriminator(hyperparameters: Mapping[str, Any], values: int) -> keras.Model:
    import keras

    x = rows = keras.Input((values,), name="rows")
    for i in range(hyperparameters["opponent_layers"]):
        x = common_layers.dense(
            x,
            hyperparameters["opponent_units"],
            f"opponent_{i}",
            activation="leaky_relu",
            dropout=hyperparameters["opponent_dropout"],
        )
    return keras.Model(
        rows, keras.layers.Dense(1, dtype="float32", name="logit")(x), name="opponent"
    )


def _noise(x: keras.KerasTensor, latent: int) -> keras.KerasTensor:
    """Returns noise in [-1, 1) that a row's digits decide, shape (batch, latent).

    No standard layer draws at random when a model answers. The fraction of a large random sum of
    a row's values is spread evenly, whatever the values are, and the same in every call: two
    rounds of that make noise of any number of values, and answers that can be repeated.
    """
    import keras

    for i, stretch in enumerate(STRETCHES):
        x = keras.layers.Dense(
            latent,
            kernel_initializer=keras.initializers.RandomUniform(-stretch, stretch, seed=1 + i),
            bias_initializer=keras.initializers.RandomUniform(0.0, 1.0, seed=3 + i),
            trainable=False,
            dtype="float32",
            name=f"digits_{i}",
        )(x)
        whole = keras.ops.floor(x)
        # Else Keras counts it, and no two models of a process have one configuration.
        whole._keras_history.operation.name = f"whole_{i}"
        x = keras.layers.Subtract(dtype="float32", name=f"fraction_{i}")([x, whole])
    return keras.layers.Rescaling(2.0, offset=-1.0, dtype="float32", name="uniform")(x)
