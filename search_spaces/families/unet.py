"""U-Nets, for masks and for images as targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.families import common_layers as pieces
from search_spaces.families import convolution_layers as conv
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras

UPSAMPLINGS = ("transposed", "nearest", "bilinear")


class UNet(SearchSpace):
    """U-Net for masks and images as targets: rows (height, width) or (height, width, channels).

    Each level halves the sides and doubles the filters; on the way back each is given what the way
    down saw at its size. Ronneberger et al., U-Net, 2015. Sides may have any length.
    """

    input_axes = (("height", "width"), ("height", "width", "channels"))
    output_axes = (("height", "width"),)
    alternative = "cnn for one target an image"

    depth = Int(1, 4, default=3, limits=Limits(at_least=1, at_most=8), help="levels down and up")
    filters = Int(
        8,
        32,
        log=True,
        default=16,
        limits=Limits(at_least=1),
        help="filters of the first level, doubled in each further one",
    )
    convolutions = Int(
        1, 2, default=2, limits=Limits(at_least=1, at_most=10), help="convolutions in a level"
    )
    kernel = conv.KERNEL
    upsampling = Choice(
        UPSAMPLINGS, help="way back to a larger size: transposed convolution, or interpolation"
    )
    activation = conv.ACTIVATION
    normalization = pieces.NORMALIZATION
    dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=Limits(at_least=0, below=1),
        help="dropout rate at the end of each level on the way down",
    )
    penalty = conv.PENALTY
    regularizer = pieces.REGULARIZER
    initializer = pieces.INITIALIZER

    initial_points = (
        {"optimizer": "adam", "normalization": "before", "batch_size": 16},
        {"optimizer": "adam", "depth": 2, "filters": 32, "upsampling": "nearest", "batch_size": 32},
        {"optimizer": "adam", "depth": 4, "filters": 8, "normalization": "before", "dropout": 0.2},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        self.check(inputs)
        rows = pieces.rows(inputs)
        x, skips = conv.with_channels(rows, dimensions=2), []
        for level in range(hyperparameters["depth"]):
            x = self._level(x, f"down_{level}", level, hyperparameters, hyperparameters["dropout"])
            skips.append(x)
            x = keras.layers.MaxPooling2D(2, padding="same", name=f"pooling_{level}")(x)
        x = self._level(x, "bottom", len(skips), hyperparameters, hyperparameters["dropout"])
        for level, skip in reversed([*enumerate(skips)]):
            x = _up(x, skip, f"up_{level}", hyperparameters["upsampling"])
            x = keras.layers.Concatenate(name=f"skip_{level}")([skip, x])
            x = self._level(x, f"up_{level}", level, hyperparameters)
        return keras.Model(rows, conv.head(x, outputs), name=self.name)

    def _level(
        self,
        x: keras.KerasTensor,
        name: str,
        level: int,
        hyperparameters: Mapping[str, Any],
        dropout: float = 0.0,
    ) -> keras.KerasTensor:
        """Returns the convolutions of a level, which keep the size."""
        shared = {n: hyperparameters[n] for n in conv.SHARED if n in hyperparameters}
        return conv.block(
            x,
            name,
            dimensions=2,
            filters=hyperparameters["filters"] * 2**level,
            dropout=dropout,
            **{**shared, "pooling": "none"},
        )


def _up(
    x: keras.KerasTensor, skip: keras.KerasTensor, name: str, upsampling: str
) -> keras.KerasTensor:
    """Returns twice the size, cut to that of ``skip``, whose sides may be odd."""
    import keras

    if upsampling == "transposed":
        layer = keras.layers.Conv2DTranspose(skip.shape[-1], 2, strides=2, name=f"{name}_larger")
    else:
        layer = keras.layers.UpSampling2D(2, interpolation=upsampling, name=f"{name}_larger")
    x = layer(x)
    rest = [(0, x.shape[axis] - skip.shape[axis]) for axis in (1, 2)]
    return keras.layers.Cropping2D(rest, name=f"{name}_cut")(x) if rest != [(0, 0)] * 2 else x
