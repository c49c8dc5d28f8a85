"""The exported model: raw rows in, probabilities or values in the targets' unit out.

Preprocessing is made of standard layers around the trained model, so ``keras.saving.load_model``
opens the file without this package. Columns of a table are encoded in a nested model: names must be
unique within a Keras model, and there no column name can equal one that Keras generates.

Where scalings were fitted in float64, inputs and regression outputs are float64, too.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.model_inputs import unwrap
from tuner.datasets import multi_output
from tuner.datasets.columns import date_layers, texts
from tuner.datasets.columns.dates import Date
from tuner.datasets.columns.encoding import UNKNOWN, Category, Column, Encoder, Number
from tuner.datasets.columns.texts import Text
from tuner.datasets.feature_selection import FeatureSelection
from tuner.datasets.multi_input import OneInput
from tuner.datasets.prepared_data import Data
from tuner.datasets.scaling import Scaler

if TYPE_CHECKING:
    import keras


OTHERS = "(others)"  # stands for unknown categories
LONGEST = 200  # characters of a column's name that Keras is asked to take, too


def with_preprocessing(core_model: keras.Model, data: Data) -> keras.Model:
    """Returns a model around ``core_model`` that takes the rows of ``data.raw(part)``.

    The weights are shared with ``core_model``, not copied.

    Args:
        core_model: Takes scaled rows ``(batch, *data.inputs.shape)`` and returns what the loss
            takes. Layers that split the matrix into inputs or concatenate outputs are removed.
        data: The data it was trained on.

    Returns:
        An uncompiled functional model. Its outputs are the probability of ``data.classes[1]``
        ``(batch, 1)``, the probabilities of ``data.classes`` ``(batch, classes)``, or the values
        of a regression in the unit of the raw targets ``(batch, units)``; of several outputs a
        dict with these for each, of places ``(batch, *axes, units)``.
    """
    if data.inputs_encoder is not None or data.heads is not None:
        core_model = unwrap(core_model)
    preprocessing, postprocessing = _preprocessing_layers(data), _postprocessing_layers(data)
    selection = {} if data.features is None else {"": _selection_model(data.features)}
    core = _inference_model(core_model, data)
    layer_names = _rename_layers(
        [*preprocessing.values(), *selection.values(), *postprocessing.values()],
        used_names=[core.name, *row_names(data)],
    )
    rows = raw_rows(data, used_names=[core.name, *layer_names])
    prepared = _apply_to_each(_apply_preprocessing(rows, data, preprocessing), selection)
    outputs = _apply_to_each(core(prepared), postprocessing)
    return model_of_rows(rows, outputs, name=f"{core_model.name}_deployable")


def model_of_rows(rows: Any, outputs: Any, *, name: str) -> keras.Model:
    """Returns the model from ``raw_rows`` to ``outputs``.

    Keras warns where a tensor cannot have the name of its column, such as ``a/b``. That does no
    harm: a model of a dict takes each column by its key.
    """
    import keras

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "When providing `inputs` as a dict", UserWarning)
        return keras.Model(rows, outputs, name=name)


def row_names(data: Data) -> list[str]:
    """Names of columns or inputs, which layers leave to them; none where rows are an array."""
    return list(_input_signatures(data) or {})


def raw_rows(data: Data, *, used_names: Collection[str]) -> Any:
    """Returns the input tensors of a model that takes ``data.raw(part)``.

    Args:
        data: The data that the model was trained on.
        used_names: Names of all other layers of the model.

    Returns:
        A tensor ``(batch, *shape)``; for several inputs or table columns a dict of them by name.
        Columns are ``(batch, 1)``, numbers or strings; dates are strings such as
        ``tuner.datasets.columns.dates.FORM``, with or without a time zone.
    """
    import keras

    kinds = _input_signatures(data)
    if kinds is None:
        (name,) = _tensor_names(["rows"], used_names)
        return keras.Input(shape=data.raw_shape, dtype=_scaler_dtype(data.scaler), name=name)
    tensors = _tensor_names(list(kinds), used_names)
    return {
        name: keras.Input(shape, dtype=dtype, name=tensor)
        for tensor, (name, (shape, dtype)) in zip(tensors, kinds.items(), strict=True)
    }


def _input_signatures(data: Data) -> dict[str, tuple[tuple[int, ...], str]] | None:
    """Shape and type of each column or input by name; None where rows are a single array."""
    if data.inputs_encoder is not None:
        return {
            each.name: (each.shape, _scaler_dtype(each.scaler))
            for each in data.inputs_encoder.inputs
        }
    if data.encoder is None:
        return None
    return {column.name: ((1,), _column_dtype(column)) for column in data.encoder.columns}


def _scaler_dtype(scaler: Scaler | None) -> str:
    return "float32" if scaler is None else scaler.dtype


def _column_dtype(column: Column) -> str:
    return column.dtype if isinstance(column, Number) else "string"


def _tensor_names(names: Collection[str], used_names: Collection[str]) -> list[str]:
    """Returns a tensor name for each column or input: its own where Keras accepts it."""
    tensor_names, used = [], {*used_names, *names}
    for place, name in enumerate(names):
        is_valid = name.isprintable() and "/" not in name and 0 < len(name) <= LONGEST
        if not is_valid or name in used_names:
            name = unused_name(f"column {place}", used)
            used.add(name)
        tensor_names.append(name)
    return tensor_names


def unused_name(name: str, used_names: Collection[str]) -> str:
    """Returns ``name``, with underscores until it is not used."""
    while name in used_names:
        name += "_"
    return name


def _rename_layers(
    layers: Collection[keras.layers.Layer], *, used_names: Collection[str]
) -> set[str]:
    """Gives layers names that are not used_names; returns their names."""
    names = set(used_names)
    for layer in layers:
        layer.name = unused_name(layer.name, names)
        names.add(layer.name)
    return names.difference(used_names)


def _preprocessing_layers(data: Data) -> dict[str, keras.layers.Layer]:
    """Preprocessing layers by input; the key is ``""`` for an array or a table."""
    if data.encoder is not None:
        return {"": _encoding_model(data.encoder)}
    single_input = OneInput(name="", shape=data.raw_shape, scaler=data.scaler)
    inputs = (single_input,) if data.inputs_encoder is None else data.inputs_encoder.inputs
    return {
        each.name: _scaling_layer(
            each.scaler, each.shape, f"scaling_of_{i}" if each.name else "scaling"
        )
        for i, each in enumerate(inputs)
        if each.scaler is not None
    }


def _postprocessing_layers(data: Data) -> dict[str, keras.layers.Layer]:
    """Layers that undo target scaling by output; the key is ``""`` for a single one."""
    data_by_output = multi_output.every(data) or {"": data}
    layers = {}
    for i, (name, output_data) in enumerate(data_by_output.items()):
        if output_data.target_scaler is not None:
            layer_name = f"unscaling_of_{i}" if name else "unscaling"
            layers[name] = _unscaling_layer(
                output_data.target_scaler, output_data.outputs.shape, layer_name
            )
    return layers


def _apply_preprocessing(rows: Any, data: Data, layers: Mapping[str, keras.layers.Layer]) -> Any:
    if data.encoder is not None:
        return layers[""]([rows[column.name] for column in data.encoder.columns])
    return _apply_to_each(rows, layers)


def _apply_to_each(values: Any, layers: Mapping[str, keras.layers.Layer]) -> Any:
    """Applies the layer of each name, where there is one; that of ``""`` to a single tensor."""
    if not isinstance(values, Mapping):
        return layers[""](values) if layers else values
    return {name: layers[name](x) if name in layers else x for name, x in values.items()}


def _selection_model(selection: FeatureSelection) -> keras.Model:
    """What ``FeatureSelection.transform`` computes, in float32 under any dtype policy."""
    import keras

    x = keras.Input((selection.width,), dtype="float32", name="columns")
    if selection.kept is not None:
        left = keras.ops.take(x, selection.kept.astype(np.int32), axis=1)
        return keras.Model(x, left, name="features")
    assert selection.centre is not None
    assert selection.components is not None
    centring = keras.layers.Normalization(
        mean=selection.centre.tolist(),
        variance=[1.0] * selection.width,
        dtype="float32",
        name="centring",
    )
    project = keras.layers.Dense(
        selection.components.shape[1],
        use_bias=False,
        trainable=False,
        dtype="float32",
        name="components",
    )
    model = keras.Model(x, project(centring(x)), name="features")
    project.set_weights([selection.components])
    return model


def _scaling_layer(scaler: Scaler, shape: tuple[int, ...], name: str) -> keras.layers.Layer:
    """A scaling; its output is float32."""
    import keras

    if scaler.dtype == "float32":
        return _normalization_layer(scaler, name)
    x = keras.Input(shape, dtype=scaler.dtype, name="rows")
    centre, spread = _constants(scaler)
    return keras.Model(x, keras.ops.cast((x - centre) / spread, "float32"), name=name)


def _unscaling_layer(scaler: Scaler, shape: tuple[int, ...], name: str) -> keras.layers.Layer:
    """The inverse of a scaling; its output has the scaler's dtype."""
    import keras

    if scaler.dtype == "float32":
        return _normalization_layer(scaler, name, invert=True)
    x = keras.Input(shape, dtype="float32", name="answers")
    centre, spread = _constants(scaler)
    return keras.Model(x, keras.ops.cast(x, scaler.dtype) * spread + centre, name=name)


def _constants(scaler: Scaler) -> tuple[Any, Any]:
    """Centre and spread in full precision: ``Normalization`` would round them to float32."""
    if scaler.centre.ndim == 0:
        return float(scaler.centre), float(scaler.spread)
    return np.array(scaler.centre), np.array(scaler.spread)


def _encoding_model(encoder: Encoder) -> keras.Model:
    """What ``Encoder.transform`` computes, in standard layers and operations.

    It takes the columns in their order, each ``(rows, 1)``.
    """
    import keras

    columns = [
        keras.Input((1,), dtype=_column_dtype(column), name=f"column {i}")
        for i, column in enumerate(encoder.columns)
    ]
    pieces: list[Any] = []
    for i, (x, column) in enumerate(zip(columns, encoder.columns, strict=True)):
        pieces += _encode_column(x, column, str(i))
    # The dtype policy of the trained model must not round them.
    singles = [keras.ops.cast(piece, "float32") for piece in pieces]
    joined = keras.ops.concatenate(singles, axis=1) if len(singles) > 1 else singles[0]
    return keras.Model(columns, joined, name="encoding")


def _encode_column(x: Any, column: Column, place: str) -> list[Any]:
    """The encoded columns of one raw column; layers are named by its position."""
    import keras

    if isinstance(column, Category):
        return [_encode_category(x, column, name=f"categories_of_{place}")]
    if isinstance(column, Text):
        return [texts.encode_texts(x, column, name=f"words_of_{place}")]
    if isinstance(column, Date):
        return date_layers.encode_dates(x, column, name=f"characters_of_{place}")
    return column.pieces(keras.ops, x)


def _encode_category(x: Any, column: Category, *, name: str) -> Any:
    """One-hot encoding; spellings of a missing value count as the empty category."""
    import keras

    vocabulary = [*column.vocabulary, *column.spelt_missing]
    layer = keras.layers.StringLookup(
        vocabulary=vocabulary,
        num_oov_indices=UNKNOWN,
        oov_token=unused_name(OTHERS, vocabulary),
        output_mode="one_hot",
        name=name,
    )
    if not column.spelt_missing:
        return layer(x)
    # StringLookup gives each spelling a column of its own: add these to that of "".
    merge_missing = np.eye(UNKNOWN + len(vocabulary), column.width, dtype=np.float32)
    merge_missing[column.width :, UNKNOWN + column.vocabulary.index("")] = 1
    return keras.ops.matmul(keras.ops.cast(layer(x), "float32"), merge_missing)


def _inference_model(core_model: keras.Model, data: Data) -> keras.Model:
    """Returns an uncompiled model of the same layers, without image augmentation.

    Optimizer state would enlarge the file and cause a warning when it is loaded. Augmentation
    layers also run when the model is called without ``training=False``. A subclass that only
    overrides ``train_step`` becomes a plain functional model; one that overrides ``call`` is
    returned unchanged.
    """
    import keras

    if not getattr(core_model, "inputs", None):
        return core_model
    inputs = core_model.inputs[0] if data.inputs_encoder is None else core_model.input
    outputs = core_model.outputs[0] if data.heads is None else core_model.output
    name = unused_name(core_model.name, row_names(data))
    plain = model_of_rows(inputs, outputs, name=name)
    if type(core_model).call not in (type(plain).call, keras.Sequential.call):
        return core_model
    if not any(_is_augmentation(layer) for layer in plain.layers):
        return plain

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        return args[0] if _is_augmentation(layer) else layer(*args, **kwargs)

    return keras.models.clone_model(plain, clone_function=lambda layer: layer, call_function=call)


def _is_augmentation(layer: keras.layers.Layer) -> bool:
    import keras

    changing = ("RandomFlip", "RandomTranslation", "RandomRotation", "RandomZoom", "RandomContrast")
    return isinstance(layer, tuple(getattr(keras.layers, name) for name in changing))


def _normalization_layer(scaler: Scaler, name: str, *, invert: bool = False) -> keras.layers.Layer:
    """A scaling as a Normalization layer, in float32 under any dtype policy."""
    import keras

    return keras.layers.Normalization(
        axis=None if scaler.centre.ndim == 0 else -1,
        mean=scaler.centre.tolist(),
        variance=np.square(scaler.spread).tolist(),
        invert=invert,
        dtype="float32",
        name=name,
    )
