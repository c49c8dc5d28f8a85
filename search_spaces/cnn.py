"""Convolutional networks, for images and for sequences."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces import blocks as pieces
from search_spaces import convolutions as conv
from search_spaces.choices import Choice
from search_spaces.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace
from search_spaces.values import Limits

if TYPE_CHECKING:
    import keras

_SHARE = Limits(at_least=0, below=1)


class Convolutional(SearchSpace):
    """Blocks of convolutions that see more and more of a row, then fully connected layers."""

    dimensions: ClassVar[int]

    blocks = Int(1, 3, default=2, limits=Limits(at_least=1, at_most=10), help="of convolutions")
    filters = Int(
        8,
        64,
        log=True,
        default=32,
        limits=Limits(at_least=1),
        per="blocks",
        help="of each convolution of a block",
    )
    convolutions = Int(
        1, 2, default=1, limits=Limits(at_least=1, at_most=10), help="in a block, one after another"
    )
    kernel = Choice([3, 5], default=3, limits=Limits(at_least=1), help="side of a filter")
    pooling = Choice(conv.POOLINGS, help="how a block halves what it hands on")
    activation = Choice(
        ["relu", "elu", "silu", "gelu"],
        known=pieces.PLAIN_ACTIVATIONS,
        help="of all hidden layers",
    )
    normalization = Choice(
        pieces.NORMALIZATIONS,
        help="batch normalisation before or after the activation, or none",
    )
    block_dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=_SHARE,
        per="blocks",
        help="share of a block's outputs dropped in training",
    )
    reduction = Choice(conv.REDUCTIONS, help="how the last block's outputs become one vector")
    layers = Int(
        0, 1, default=1, limits=Limits(at_least=0, at_most=100), help="hidden layers behind it"
    )
    units = Int(
        16,
        256,
        log=True,
        default=64,
        limits=Limits(at_least=1),
        per="layers",
        help="neurons of a hidden layer",
    )
    dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=_SHARE,
        help="share of a hidden layer's outputs dropped in training",
    )
    penalty = Choice(
        [0.0, 1e-6, 1e-5, 1e-4, 1e-3],
        default=0.0,
        limits=Limits(at_least=0),
        help="weight of all kernels but the head's in the loss",
    )
    regularizer = pieces.REGULARIZER
    initializer = pieces.INITIALIZER

    starts = (
        {"optimizer": "adam", "normalization": "before", "batch_size": 64},
        {
            "optimizer": "adam",
            "blocks": 3,
            "filters_0": 16,
            "filters_1": 32,
            "filters_2": 64,
            "convolutions": 2,
            "normalization": "before",
            "reduction": "global_average",
            "batch_size": 64,
        },
        {"optimizer": "adam", "filters": 16, "dropout": 0.3, "learning_rate": 3e-3},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        self.check(inputs)
        rows = pieces.rows(inputs)
        x = self._enter(rows, hyperparameters)
        for i in range(hyperparameters["blocks"]):
            x = conv.block(
                x,
                f"block_{i}",
                dimensions=self.dimensions,
                filters=hyperparameters[f"filters_{i}"],
                dropout=hyperparameters[f"block_dropout_{i}"],
                **{name: hyperparameters[name] for name in conv.SHARED if name in hyperparameters},
            )
        x = conv.reduce(x, hyperparameters["reduction"], dimensions=self.dimensions)
        x = pieces.hidden(x, hyperparameters)
        return keras.Model(rows, pieces.head(x, outputs), name=self.name)

    @abstractmethod
    def _enter(
        self, rows: keras.KerasTensor, hyperparameters: Mapping[str, Any]
    ) -> keras.KerasTensor:
        """Returns rows with an axis for channels, shape (batch, ..., channels)."""


class CNN(Convolutional):
    """Convolutional network for images: rows (height, width) or (height, width, channels)."""

    dimensions = 2
    takes = (("height", "width"), ("height", "width", "channels"))
    otherwise = "mlp, or cnn1d for sequences"

    # Off unless they are asked for: --set shift=0..0.2
    flip = Choice(
        ["none"],
        known=("none", *conv.FLIPS),
        off="none",
        help="images mirrored at random in training",
    )
    shift = Float(
        0.0, 0.0, limits=_SHARE, off=0.0, help="share of a side moved at random in training"
    )
    rotation = Float(
        0.0, 0.0, limits=_SHARE, off=0.0, help="share of a full turn, at random, in training"
    )
    zoom = Float(0.0, 0.0, limits=_SHARE, off=0.0, help="share in and out, at random, in training")
    contrast = Float(
        0.0, 0.0, limits=_SHARE, off=0.0, help="share more and less, at random, in training"
    )

    def _enter(
        self, rows: keras.KerasTensor, hyperparameters: Mapping[str, Any]
    ) -> keras.KerasTensor:
        x = conv.with_channels(rows, dimensions=2)
        return conv.augment(x, hyperparameters)


class CNN1D(Convolutional):
    """Convolutional network for sequences: rows (steps,) or (steps, channels)."""

    dimensions = 1
    takes = (("steps",), ("steps", "channels"))
    otherwise = "cnn for images"

    def _enter(
        self, rows: keras.KerasTensor, hyperparameters: Mapping[str, Any]
    ) -> keras.KerasTensor:
        return conv.with_channels(rows, dimensions=1)
