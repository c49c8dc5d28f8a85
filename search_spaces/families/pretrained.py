"""Networks of ``keras.applications`` that have learned other images, fine-tuned."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.families import common_layers as pieces
from search_spaces.families import convolution_layers as conv
from search_spaces.families.cnn import CNN
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.conditions import AtLeast
from search_spaces.parameters.literals import Limits, is_number
from search_spaces.parameters.ranges import Float, Int
from search_spaces.parameters.weights_choice import IMAGENET, NONE, WeightsChoice
from search_spaces.phases import Phase
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras
    import numpy as np

# Names of keras.applications by what their ``preprocess_input`` does to pixels from 0 to 255.
TO_ONE = (
    *("InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "NASNetLarge"),
    *("NASNetMobile", "ResNet101V2", "ResNet152V2", "ResNet50V2", "Xception"),
)
LESS_MEANS = ("ResNet101", "ResNet152", "ResNet50", "VGG16", "VGG19")
STANDARDISED = ("DenseNet121", "DenseNet169", "DenseNet201")
WITHIN = (  # which do it themselves
    *(f"ConvNeXt{size}" for size in ("Base", "Large", "Small", "Tiny", "XLarge")),
    *(f"EfficientNetB{number}" for number in range(8)),
    *(f"EfficientNetV2{kind}" for kind in ("B0", "B1", "B2", "B3", "L", "M", "S")),
    *("MobileNetV3Large", "MobileNetV3Small"),
)
BACKBONES = tuple(sorted((*TO_ONE, *LESS_MEANS, *STANDARDISED, *WITHIN)))
SCALABLE = ("MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small")
WHITE = 255.0
MEANS = (123.68, 116.779, 103.939)  # of ImageNet's red, green and blue, from 0 to 255
SHARES = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # means and deviations, from 0 to 1
FROZEN = "tuner_frozen"  # an attribute of layers that never learn


class Pretrained(SearchSpace):
    """Pretrained network for images: any of keras.applications, its head first, then the rest.

    Rows are pixels from 0 to ``highest``, as they are (``--scaling none``); what a backbone does to
    them first is in the model. In the first phase the head alone learns, at ``learning_rate``. In
    the second one the backbone learns too, at ``fine_rate``, but for the ``frozen`` share of its
    layers, counted from the image, and its batch normalisation, which never learns. A
    backbone without weights (``weights=none``) learns as a whole from the start, in one phase.
    """

    name = "pretrained"
    input_axes = (("height", "width"), ("height", "width", "channels"))
    alternative = "mlp, or cnn1d for sequences"
    tried_at_launch = True

    backbone = Choice(["MobileNetV2"], allowed=BACKBONES, help="network of keras.applications")
    weights = WeightsChoice(
        [IMAGENET], allowed=(IMAGENET, NONE), help="weights of the backbone: imagenet, none, a file"
    )
    alpha = Float(
        1.0,
        1.0,
        limits=Limits(above=0),
        when={"backbone": SCALABLE},
        help="width of the backbone, of those that have several",
    )
    image_size = Int(
        0,
        0,
        limits=Limits(at_least=0),
        disabled_value=0,
        help="side in pixels that images are resized to; 0 leaves them as they are",
    )
    highest = Choice([255], allowed=(1, 255), ordered=False, help="value of a white pixel")
    units = Choice(
        [0, 64, 256],
        limits=Limits(at_least=0),
        help="neurons of a hidden layer before the head; 0 for none",
    )
    dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.2,
        limits=Limits(at_least=0, below=1),
        help="dropout rate before the head",
    )
    frozen = Float(
        0.0,
        0.8,
        step=0.2,
        default=0.4,
        limits=Limits(at_least=0, at_most=1),
        help="share of the backbone's layers that never learns",
    )
    head_epochs = Int(
        1, 5, default=3, limits=Limits(at_least=1), help="epochs in which the head alone learns"
    )
    fine_epochs = Int(
        0, 10, default=5, limits=Limits(at_least=0), help="epochs in which the backbone learns too"
    )
    learning_rate = Float(
        1e-4, 1e-2, log=True, default=1e-3, limits=Limits(above=0), help="initial learning rate"
    )
    fine_rate = Float(
        1e-6,
        1e-3,
        log=True,
        default=1e-5,
        limits=Limits(above=0),
        when={"fine_epochs": AtLeast(1)},
        help="initial learning rate of the second phase",
    )
    flip, shift, rotation = CNN.flip, CNN.shift, CNN.rotation
    zoom, contrast = CNN.zoom, CNN.contrast

    initial_points = ({"optimizer": "adam", "schedule": "constant", "units": 0},)

    def check_values(self, rows: np.ndarray) -> None:
        highest = max(filter(is_number, self.parameters["highest"].options or ()))
        low, high = float(rows.min()), float(rows.max())
        if low < 0 or high > highest:
            raise SpaceError(
                f"Expected pixels from 0 to {highest:.0f} for {self.name}. Received: numbers from "
                f"{low:.4g} to {high:.4g}: take --scaling none."
            )
        if high <= 1 < highest:
            raise SpaceError(
                f"Expected pixels from 0 to {highest:.0f} for {self.name}. Received: numbers from "
                f"{low:.4g} to {high:.4g}: take --scaling none, or --set highest=1."
            )

    def check(self, inputs: Inputs, outputs: Outputs | None = None) -> None:
        super().check(inputs, outputs)
        if len(inputs.shape) == 3 and inputs.shape[-1] not in (1, 3):
            raise SpaceError(
                f"Expected images of 1 or 3 channels for {self.name}. Received: {inputs.shape}: "
                "take cnn."
            )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        self.check(inputs)
        rows = pieces.rows(inputs)
        x = conv.with_channels(rows, dimensions=2)
        if x.shape[-1] == 1:
            x = keras.layers.Concatenate(name="colours")([x, x, x])
        if size := hyperparameters.get("image_size", 0):
            x = keras.layers.Resizing(size, size, name="resized")(x)
        if hyperparameters["highest"] != WHITE:
            x = keras.layers.Rescaling(WHITE / hyperparameters["highest"], name="pixels")(x)
        x = conv.augment(x, hyperparameters)
        backbone = _backbone(hyperparameters, x.shape[1:])
        border = round(hyperparameters["frozen"] * len(backbone.layers))
        for number, layer in enumerate(backbone.layers):
            # Normalisation that learns forgets the statistics that the weights were made for.
            if number < border or isinstance(layer, keras.layers.BatchNormalization):
                setattr(layer, FROZEN, True)
        x = backbone(preprocess(x, hyperparameters["backbone"]))
        x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
        if hyperparameters["units"]:
            x = keras.layers.Dense(hyperparameters["units"], "relu", name="hidden")(x)
        if hyperparameters["dropout"]:
            x = keras.layers.Dropout(hyperparameters["dropout"], name="dropped")(x)
        return keras.Model(rows, pieces.head(x, outputs), name=self.name)

    def phases(self, hyperparameters: Mapping[str, Any]) -> Sequence[Phase]:
        rate, epochs = hyperparameters["learning_rate"], hyperparameters["head_epochs"]
        fine_epochs = hyperparameters["fine_epochs"]
        if hyperparameters["weights"] == NONE:
            return [Phase(learning_rate=rate, epochs=epochs + fine_epochs)]
        names = ["hidden", "head"] if hyperparameters["units"] else ["head"]
        head = Phase(trainable=names, learning_rate=rate, epochs=epochs)
        if not fine_epochs:
            return [head]
        fine = Phase(
            trainable=_is_thawed, learning_rate=hyperparameters["fine_rate"], epochs=fine_epochs
        )
        return [head, fine]

    def build_default(self, inputs: Inputs, outputs: Outputs) -> keras.Model:
        """Builds each backbone with each of its weights, too: files and networks are asked once."""
        defaults = self.defaults(inputs, outputs)
        for backbone in self.parameters["backbone"].options or ():
            for weights in self.parameters["weights"].options or ():
                chosen = {"alpha": 1.0, **defaults, "backbone": backbone, "weights": weights}
                self.build(chosen, inputs, outputs)
        return super().build_default(inputs, outputs)


def preprocess(x: keras.KerasTensor, backbone: str) -> keras.KerasTensor:
    """Returns pixels as a backbone takes them, by standard layers; they are from 0 to 255 before.

    The same as its ``preprocess_input`` in ``keras.applications``.
    """
    import keras

    rescaling = keras.layers.Rescaling
    if backbone in TO_ONE:
        return rescaling(2 / WHITE, offset=-1.0, name="preprocessed")(x)
    if backbone in STANDARDISED:
        means, deviations = SHARES
        scale = [1 / (WHITE * deviation) for deviation in deviations]
        offset = [-mean / deviation for mean, deviation in zip(means, deviations, strict=True)]
        return rescaling(scale, offset=offset, name="preprocessed")(x)
    if backbone in LESS_MEANS:  # of blue, green and red
        less = rescaling(1.0, offset=[-mean for mean in MEANS], name="preprocessed")(x)
        return less[..., ::-1]
    return x


def _backbone(hyperparameters: Mapping[str, Any], shape: tuple[int, ...]) -> keras.Model:
    """The network without its own head, shape (height, width, channels) in and out.

    Raises:
        SpaceError: Images are too small for it; its weights cannot be had, or are of another one.
    """
    import keras

    name, weights = hyperparameters["backbone"], hyperparameters["weights"]
    options = {"alpha": hyperparameters["alpha"]} if name in SCALABLE else {}
    make = getattr(keras.applications, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes that ImageNet's weights were not made for
            backbone: keras.Model = make(
                include_top=False,
                weights=IMAGENET if weights == IMAGENET else None,
                input_shape=shape,
                input_tensor=keras.Input(shape, name="image"),  # else Keras counts its names
                **options,
            )
    except Exception as e:
        expected = f"Expected images that {name} takes, of shape {shape}"
        if weights == IMAGENET:
            expected += ", and its weights of ImageNet from the network"
        raise SpaceError(
            f"{expected}. Received: {e}: resize them with --set image_size=96, or name a file of "
            "weights."
        ) from e
    if weights not in (IMAGENET, NONE):
        try:
            backbone.load_weights(weights)
        except Exception as e:
            raise SpaceError(f"Expected weights of {name} in {weights}. Received: {e}.") from e
    return backbone


def _is_thawed(layer: keras.Layer) -> bool:
    return not getattr(layer, FROZEN, False)
