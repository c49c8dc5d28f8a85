"""The model that leaves the project: raw rows in, probabilities or values out.

Scalings become ``keras.layers.Normalization`` layers around the trained model, so that plain
``keras.saving.load_model`` opens the file where nothing of this project is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.entrance import behind
from tuner.datasets import calendar, heads, texts
from tuner.datasets.data import Data
from tuner.datasets.dates import Date
from tuner.datasets.encoding import UNKNOWN, Category, Column, Encoder, Number
from tuner.datasets.scaling import Scaler
from tuner.datasets.several import OneInput
from tuner.datasets.texts import Text

if TYPE_CHECKING:
    import keras


OTHERS = "(others)"  # stands for unknown categories


def deployable(core_model: keras.Model, data: Data) -> keras.Model:
    """Returns a model around ``core_model`` that takes the rows of ``data.raw(part)``.

    The weights are shared with ``core_model``, not copied.

    Args:
        core_model: Takes scaled rows ``(batch, *data.inputs.shape)`` and gives what the loss
            takes, as trained on ``data.train``. What cuts rows up into several inputs, or lays
            several outputs side by side, stays behind.
        data: The data it was trained on.

    Returns:
        An uncompiled functional model. Its outputs are the probability of ``data.classes[1]``
        ``(batch, 1)``, the probabilities of ``data.classes`` ``(batch, classes)``, or the values
        of a regression in the unit of the raw targets ``(batch, units)``; of several outputs a
        dict with these for each.
    """
    import keras

    if data.several is not None or data.heads is not None:
        core_model = behind(core_model)
    rows = raw_rows(data, beside=core_model.name)
    scaled: Any
    if data.several is not None:
        scaled = {
            each.name: _scaled(rows[each.name], each, name=f"scaling_of_{i}")
            for i, each in enumerate(data.several.inputs)
        }
    elif data.encoder is not None:
        scaled = _encoded(rows, data.encoder)
    else:
        scaled = rows if data.scaler is None else _layer(data.scaler, name="scaling")(rows)
    outputs = _without_training(core_model, data)(scaled)
    if data.heads is not None:
        outputs = _unscaled(outputs, data)
    elif data.target_scaler is not None:
        outputs = _layer(data.target_scaler, name="unscaling", invert=True)(outputs)
    return keras.Model(rows, outputs, name=f"{core_model.name}_deployable")


def raw_rows(data: Data, *, beside: str) -> Any:
    """Returns the entrance of a model that takes ``data.raw(part)``: one tensor, or several.

    Several inputs go by their names. Columns of a table go by their names, and so do their tensors,
    unless Keras does not take the name. All but numbers are text; dates are written as
    ``tuner.datasets.dates.FORM`` shows, in UTC.

    Args:
        beside: The name of another layer of the model.
    """
    import keras

    if data.several is not None:
        return {
            name: keras.Input(shape, dtype="float32", name=name)
            for name, shape in data.several.shapes.items()
        }
    if data.encoder is None:
        return keras.Input(shape=data.inputs.shape, dtype="float32", name="rows")
    return {
        column.name: keras.Input(
            (1,),
            dtype="float32" if isinstance(column, Number) else "string",
            name=f"column {i}" if "/" in column.name or column.name == beside else column.name,
        )
        for i, column in enumerate(data.encoder.columns)
    }


def _scaled(values: Any, one: OneInput, *, name: str) -> Any:
    return values if one.scaler is None else _layer(one.scaler, name=name)(values)


def _unscaled(answers: Mapping[str, Any], data: Data) -> dict[str, Any]:
    """Several outputs by their names, each in the unit of its raw targets."""
    found = {}
    for i, (name, alone) in enumerate(heads.every(data).items()):
        scaler, answer = alone.target_scaler, answers[name]
        if scaler is not None:
            answer = _layer(scaler, name=f"unscaling_of_{i}", invert=True)(answer)
        found[name] = answer
    return found


def _encoded(rows: Mapping[str, Any], encoder: Encoder) -> Any:
    """What ``Encoder.transform`` computes, in standard layers and operations."""
    import keras

    pieces: list[Any] = []
    for i, column in enumerate(encoder.columns):
        pieces += _pieces(rows[column.name], column, str(i))
    return keras.layers.Concatenate(name="all_columns")(pieces) if len(pieces) > 1 else pieces[0]


def _pieces(x: Any, column: Column, place: str) -> list[Any]:
    """What a column becomes, in layers named by its place."""
    import keras

    if isinstance(column, Category):
        return [_lookup(column, name=f"categories_of_{place}")(x)]
    if isinstance(column, Text):
        return [texts.encoded(x, column, name=f"words_of_{place}")]
    if isinstance(column, Date):
        return calendar.encoded(x, column, name=f"characters_of_{place}")
    scale = _normalization(column, name=f"scaling_of_{place}")
    if column.fill is None:
        return [scale(x)]
    missing = keras.ops.isnan(x)
    filled = keras.ops.where(missing, column.fill, x)
    return [scale(filled), keras.ops.cast(missing, "float32")]


def _lookup(column: Category, *, name: str) -> keras.layers.Layer:
    import keras

    others = OTHERS
    while others in column.vocabulary:
        others += "_"
    return keras.layers.StringLookup(
        vocabulary=list(column.vocabulary),
        num_oov_indices=UNKNOWN,
        oov_token=others,
        output_mode="one_hot",
        name=name,
    )


def _normalization(column: Number, *, name: str) -> keras.layers.Layer:
    import keras

    return keras.layers.Normalization(
        axis=None, mean=column.centre, variance=column.spread**2, dtype="float32", name=name
    )


def _without_training(core_model: keras.Model, data: Data) -> keras.Model:
    """Returns the same layers as a model that was never compiled, without those for training.

    An optimizer would double the file, and whoever loads it would be warned of its state. Keras's
    layers that change images at random do so whenever nobody says that this is not training. A
    class that only says how a model learns is left behind with its ``train_step``; one that
    computes its answers in a way of its own is left as it is.
    """
    import keras

    if not getattr(core_model, "inputs", None):
        return core_model
    inputs = core_model.inputs[0] if data.several is None else core_model.input
    outputs = core_model.outputs[0] if data.heads is None else core_model.output
    plain = keras.Model(inputs, outputs, name=core_model.name)
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
