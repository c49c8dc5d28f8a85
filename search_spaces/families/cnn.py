"""Convolutional networks, for images and for sequences."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.families import common_layers as pieces
from search_spaces.families import convolution_layers as conv
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras

_SHARE = Limits(at_least=0, below=1)


class Convolutional(SearchSpace):
    """Blocks of convolutions that see more and more of a row, then fully connected layers."""

    dimensions: ClassVar[int]

    blocks = Int(
        1, 3, default=2, limits=Limits(at_least=1, at_most=10), help="blocks of convolutions"
    )
    filters = Int(
        8,
        64,
        log=True,
        default=32,
        limits=Limits(at_least=1),
        per="blocks",
        help="filters of each convolution in a block",
    )
    convolutions = Int(
        1, 2, default=1, limits=Limits(at_least=1, at_most=10), help="convolutions in a block"
    )
    kernel = conv.KERNEL
    pooling = Choice(conv.POOLINGS, help="downsampling at the end of a block")
    activation = conv.ACTIVATION
    normalization = pieces.NORMALIZATION
    block_dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=_SHARE,
        per="blocks",
        help="dropout rate of the blocks' outputs",
    )
    reduction = Choice(conv.REDUCTIONS, help="how the last feature maps become a vector")
    layers = Int(
        0, 1, default=1, limits=Limits(at_least=0, at_most=100), help="dense layers before the head"
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
        help="dropout rate of the hidden layers",
    )
    penalty = conv.PENALTY
    regularizer = pieces.REGULARIZER
    initializer = pieces.INITIALIZER

    initial_points = (
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
    input_axes = (("height", "width"), ("height", "width", "channels"))
    alternative = "mlp, or cnn1d for sequences"

    # Off unless they are asked for: --set shift=0..0.2
    flip = Choice(
        ["none"],
        allowed=("none", *conv.FLIPS),
        disabled_value="none",
        help="random flips (augmentation)",
    )
    shift = Float(
        0.0,
        0.0,
        limits=_SHARE,
        disabled_value=0.0,
        help="random translation, share of a side (augmentation)",
    )
    rotation = Float(
        0.0,
        0.0,
        limits=_SHARE,
        disabled_value=0.0,
        help="random rotation, share of a full turn (augmentation)",
    )
    zoom = Float(
        0.0,
        0.0,
        limits=_SHARE,
        disabled_value=0.0,
        help="random zoom, share in or out (augmentation)",
    )
    contrast = Float(
        0.0,
        0.0,
        limits=_SHARE,
        disabled_value=0.0,
        help="random contrast, share more or less (augmentation)",
    )

    def _enter(
        self, rows: keras.KerasTensor, hyperparameters: Mapping[str, Any]
    ) -> keras.KerasTensor:
        x = conv.with_channels(rows, dimensions=2)
        return conv.augment(x, hyperparameters)


class CNN1D(Convolutional):
    """Convolutional network for sequences: rows (steps,) or (steps, channels)."""

    dimensions = 1
    input_axes = (("steps",), ("steps", "channels"))
    alternative = "cnn for images"

    def _enter(
        self, rows: keras.KerasTensor, hyperparameters: Mapping[str, Any]
    ) -> keras.KerasTensor:
        return conv.with_channels(rows, dimensions=1)
