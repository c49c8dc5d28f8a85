"""Autoencoders: networks that learn rows themselves, alone or before they learn targets."""

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

NOISES = ("none", "gaussian", "masking")
_COUNT = Limits(at_least=1)
_NOISY = {"noise": ("gaussian", "masking")}


class Corrupted(SearchSpace):
    """What autoencoders share: rows go through a bottleneck, and may be corrupted before it.

    Vincent et al., Stacked Denoising Autoencoders, 2010: a network that has to repair its rows
    cannot just copy them.
    """

    activation = Choice(
        ["relu", "tanh", "elu", "silu", "sigmoid"],
        allowed=common_layers.PLAIN_ACTIVATIONS,
        help="activation of the hidden layers",
    )
    noise = Choice(NOISES, help="corruption of the inputs in training")
    noise_level = Float(
        0.1,
        0.5,
        step=0.1,
        default=0.2,
        limits=Limits(above=0, below=1),
        when=_NOISY,
        help="standard deviation of the Gaussian noise, or share of values set to zero",
    )
    penalty = Choice(
        [0.0, 1e-6, 1e-5, 1e-4],
        default=0.0,
        limits=Limits(at_least=0),
        help="L2 regularization of the hidden layers' kernels",
    )


class Autoencoder(Corrupted):
    """Autoencoder, plain or denoising: copies rows through a narrow code, without targets."""

    name = "autoencoder"
    learns = "rows"

    layers = Int(
        0,
        2,
        default=1,
        limits=Limits(at_least=0, at_most=100),
        help="hidden layers of the encoder, mirrored in the decoder",
    )
    units = Int(
        16,
        256,
        log=True,
        default=128,
        limits=_COUNT,
        per="layers",
        help="neurons of a hidden layer",
    )
    # The wider, the smaller the loss: it is for the user to say, not for a search to find.
    code = Int(16, 16, limits=_COUNT, help="size of the latent vector: --set code=8")
    code_activation = Choice(
        ["linear", "tanh", "relu"],
        allowed=common_layers.PLAIN_ACTIVATIONS,
        help="activation of the latent vector",
    )
    decoder = Choice(["free", "tied"], help="own decoder weights, or tied (transposed) ones")

    initial_points = (
        {"optimizer": "adam", "units": 256, "learning_rate": 3e-3, "batch_size": 64},
        {"optimizer": "adam", "layers": 0, "learning_rate": 1e-2, "epochs": 30},
        {"optimizer": "adam", "noise": "masking", "noise_level": 0.1, "epochs": 30},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        self.check(inputs)
        activation, code = hyperparameters["activation"], hyperparameters["code_activation"]
        widths = [hyperparameters[f"units_{i}"] for i in range(hyperparameters["layers"])]
        rows = common_layers.rows(inputs)
        x = _corrupt(common_layers.flat(rows), hyperparameters)
        kinds = [*((width, activation) for width in widths), (hyperparameters["code"], code)]
        for i, (width, kind) in enumerate(kinds):
            x = common_layers.dense(
                x, width, f"encoder_{i}", activation=kind, penalty=hyperparameters["penalty"]
            )
        tied = hyperparameters["decoder"] == "tied"
        penalty = 0.0 if tied else hyperparameters["penalty"]  # it is the same kernel
        for i in reversed(range(len(widths))):
            name = f"decoder_{i + 1}"
            x = common_layers.dense(x, widths[i], name, activation=activation, penalty=penalty)
        x = common_layers.head(x, outputs)
        if not tied:
            return keras.Model(rows, x, name=self.name)
        from search_spaces.families.autoencoder_model import TiedAutoencoder

        return TiedAutoencoder(rows, x, name=self.name)


class StackedAutoencoder(Corrupted):
    """Stacked autoencoder: layers first learn rows one by one, then all of them the targets.

    Bengio et al., Greedy Layer-Wise Training of Deep Networks, 2007; Vincent et al. 2010. Each
    hidden layer in turn learns, for `pretraining` epochs, to give back what it was given through
    its own transposed kernel. The head learns beside it, on hidden layers that it does not change,
    so that the validation loss is the same measure in every epoch and means something to pruning
    and early stopping. The rest of the epochs are training as of a perceptron.
    """

    name = "stacked-autoencoder"

    layers = Int(1, 3, default=2, limits=Limits(at_least=1, at_most=20), help="hidden layers")
    units = Int(
        16,
        512,
        log=True,
        default=128,
        limits=_COUNT,
        per="layers",
        help="neurons of a hidden layer",
    )
    pretraining = Int(
        0, 3, default=2, limits=Limits(at_least=0), help="epochs of pretraining for each layer"
    )
    dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=Limits(at_least=0, below=1),
        help="dropout rate of hidden layers after pretraining",
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
        {"optimizer": "adam", "noise": "masking", "units": 256, "batch_size": 64, "epochs": 30},
        {"optimizer": "adam", "activation": "tanh", "noise": "gaussian", "learning_rate": 3e-3},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        from search_spaces.families.autoencoder_model import StackedAutoencoder as Learner

        self.check(inputs)
        rows = common_layers.rows(inputs)
        x = common_layers.flat(rows)
        penalty, dropout = hyperparameters["penalty"], hyperparameters["dropout"]
        for i in range(hyperparameters["layers"]):
            x = keras.layers.Dense(
                hyperparameters[f"units_{i}"],
                activation=hyperparameters["activation"],
                kernel_regularizer=keras.regularizers.L2(penalty) if penalty else None,
                name=f"hidden_{i}",
            )(x)
            if dropout:
                x = keras.layers.Dropout(dropout, name=f"hidden_{i}_dropout")(x)
        return Learner(
            rows,
            common_layers.head(x, outputs),
            name=self.name,
            depth=hyperparameters["layers"],
            pretraining=hyperparameters["pretraining"],
            noise=hyperparameters["noise"],
            noise_level=hyperparameters.get("noise_level", 0.0),
        )


def _corrupt(x: keras.KerasTensor, hyperparameters: Mapping[str, Any]) -> keras.KerasTensor:
    """Returns rows that are noisy in training, untouched otherwise."""
    import keras

    if hyperparameters["noise"] == "gaussian":
        return keras.layers.GaussianNoise(hyperparameters["noise_level"], name="noise")(x)
    if hyperparameters["noise"] == "masking":
        return keras.layers.Dropout(hyperparameters["noise_level"], name="noise")(x)
    return x
