"""The model that leaves the project: raw rows in, probabilities or values out.

Scalings become ``keras.layers.Normalization`` layers around the trained model, so that plain
``keras.saving.load_model`` opens the file where nothing of this project is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.data import Data
from tuner.datasets.scaling import Scaler

if TYPE_CHECKING:
    import keras


def deployable(core_model: keras.Model, data: Data) -> keras.Model:
    """Returns a model around ``core_model`` that takes the rows of ``data.raw(part)``.

    The weights are shared with ``core_model``, not copied.

    Args:
        core_model: Takes scaled rows ``(batch, *data.inputs.shape)`` and gives what the loss
            takes, as trained on ``data.train``.
        data: The data it was trained on.

    Returns:
        An uncompiled functional model. Its outputs are the probability of ``data.classes[1]``
        ``(batch, 1)``, the probabilities of ``data.classes`` ``(batch, classes)``, or the values
        of a regression in the unit of the raw targets ``(batch, units)``.
    """
    import keras

    rows = keras.Input(shape=data.inputs.shape, dtype="float32", name="rows")
    scaled = rows if data.scaler is None else _layer(data.scaler, name="scaling")(rows)
    outputs = _without_training(core_model)(scaled)
    if data.target_scaler is not None:
        outputs = _layer(data.target_scaler, name="unscaling", invert=True)(outputs)
    return keras.Model(rows, outputs, name=f"{core_model.name}_deployable")


def _without_training(core_model: keras.Model) -> keras.Model:
    """Returns the same layers as a model that was never compiled, without those for training.

    An optimizer would double the file, and whoever loads it would be warned of its state. Keras's
    layers that change images at random do so whenever nobody says that this is not training. A
    class that only says how a model learns is left behind with its ``train_step``; one that
    computes its answers in a way of its own is left as it is.
    """
    import keras

    if not getattr(core_model, "inputs", None):
        return core_model
    plain = keras.Model(core_model.inputs[0], core_model.outputs[0], name=core_model.name)
    if type(core_model).call not in (type(plain).call, keras.Sequential.call):
        return core_model
    if not any(_changes_at_random(layer) for layer in plain.layers):
        return plain

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        return args[0] if _changes_at_random(layer) else layer(*args, **kwargs)

    return keras.models.clone_model(plain, clone_function=lambda layer: layer, call_function=call)


def _changes_at_random(layer: keras.layers.Layer) -> bool:
    import keras

    changing = ("RandomFlip", "RandomTranslation", "RandomRotation", "RandomZoom", "RandomContrast")
    return isinstance(layer, tuple(getattr(keras.layers, name) for name in changing))


def _layer(scaler: Scaler, *, name: str, invert: bool = False) -> keras.layers.Layer:
    """Returns the scaling as a standard layer, in float32 whatever the policy of the core is."""
    import keras

    return keras.layers.Normalization(
        axis=None if scaler.centre.ndim == 0 else -1,
        mean=scaler.centre.tolist(),
        variance=np.square(scaler.spread).tolist(),
        invert=invert,
        dtype="float32",
        name=name,
    )
