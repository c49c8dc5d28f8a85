"""Splits a Keras model into plans, which are traced, and values, which are not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras


class Unsupported(Exception):
    """A model has something that only Keras itself can train; the message says what."""


@dataclass(frozen=True, kw_only=True)
class LayerPlan:
    """What the trace of a layer depends on.

    Attributes:
        kind: Key of its forward pass in ``layer_formulas``.
        options: Names and values that are constants of the graph.
        weights: Number of its variables.
        trainable: Number of those that are trained; they come first.
        scalars: Number of its float values, such as rates and penalties.
        sizes: Number of its integer values, such as sides of a shape.
    """

    kind: str
    options: tuple[tuple[str, Any], ...] = ()
    weights: int = 0
    trainable: int = 0
    scalars: int = 0
    sizes: int = 0

    def option(self, name: str) -> Any:
        """The value of an option."""
        return dict(self.options)[name]


@dataclass(frozen=True, kw_only=True)
class ExtractedModel:
    """A model as a shared graph takes it.

    Attributes:
        plans: One for each layer, in order; models with equal plans share a trace.
        weights: The model's variables in the order of the plans.
        scalars: Float values of all layers, in the order of the plans.
        sizes: Integer values of all layers, in the order of the plans.
        units: Size of the output vector of a row.
        multiplications: Multiplications of the forward pass of one row.
    """

    plans: tuple[LayerPlan, ...]
    weights: list[keras.Variable]
    scalars: list[float]
    sizes: list[int]
    units: int
    multiplications: int


@dataclass(frozen=True, kw_only=True)
class _ExtractedLayer:
    plan: LayerPlan
    weights: tuple[keras.Variable, ...] = ()
    scalars: tuple[float, ...] = ()
    sizes: tuple[int, ...] = ()
    positions: int = 1  # of a row that its kernel is applied to

    @property
    def multiplications(self) -> int:
        return self.positions * sum(math.prod(weight.shape) for weight in self.weights)


def extract_model(model: keras.Model) -> ExtractedModel:
    """Extracts a model that is a single chain of layers.

    Args:
        model: Built; float32, with one input and one output.

    Returns:
        Its plans, variables and values.

    Raises:
        Unsupported: It has branches or a layer that the shared graph does not implement.
    """
    layers = [_read_layer(layer) for layer in _chain(model)]
    if len(model.outputs[0].shape) != 2:
        raise Unsupported("an output that is not a vector")
    return ExtractedModel(
        plans=tuple(layer.plan for layer in layers),
        weights=[weight for layer in layers for weight in layer.weights],
        scalars=[scalar for layer in layers for scalar in layer.scalars],
        sizes=[size for layer in layers for size in layer.sizes],
        units=int(model.outputs[0].shape[1]),
        multiplications=sum(layer.multiplications for layer in layers),
    )


def _chain(model: keras.Model) -> list[keras.Layer]:
    """The layers in order, each of which takes what the one before returns, and nothing else."""
    if type(model) not in MODELS:
        raise Unsupported(f"a model class of its own, {type(model).__name__}")
    if not model.built or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise Unsupported("several inputs or outputs")
    layers = [layer for layer in model.layers if type(layer) is not keras.layers.InputLayer]
    x = model.inputs[0]
    for layer in layers:
        if len(layer._inbound_nodes) != 1 or layer.input is not x:
            raise Unsupported("layers that are not a single chain")
        x = layer.output
    if x is not model.outputs[0] or not layers:
        raise Unsupported("layers that are not a single chain")
    return layers


def _read_layer(layer: keras.Layer) -> _ExtractedLayer:
    reader = READERS.get(type(layer))
    if reader is None:
        raise Unsupported(f"the layer {type(layer).__name__}")
    if not layer.trainable:
        raise Unsupported(f"a frozen layer, {layer.name}")
    if layer.dtype_policy.name != "float32":
        raise Unsupported(f"the precision {layer.dtype_policy.name}")
    _only_default(layer, activity_regularizer=None)
    return reader(layer)


def _only_default(layer: keras.Layer, **defaults: Any) -> None:
    """Refuses options that the forward pass here does not implement."""
    for name, default in defaults.items():
        if getattr(layer, name) != default:
            raise Unsupported(f"{name} of the layer {type(layer).__name__}")


def _dense(layer: Any) -> _ExtractedLayer:
    _only_default(layer, lora_enabled=False)
    return _kernel(layer, "dense", activation=_activation(layer.activation))


def _convolution(layer: Any) -> _ExtractedLayer:
    rank = len(layer.kernel_size)
    _only_default(layer, groups=1, dilation_rate=(1,) * rank, data_format="channels_last")
    if getattr(layer, "lora_enabled", False):
        raise Unsupported(f"lora_enabled of the layer {type(layer).__name__}")
    if layer.padding not in ("same", "valid"):
        raise Unsupported(f"the padding {layer.padding}")
    positions = math.prod(int(side) for side in layer.output.shape[1:-1])
    return _kernel(
        layer,
        "convolution",
        positions=positions,
        activation=_activation(layer.activation),
        strides=tuple(layer.strides),
        padding=layer.padding.upper(),
    )


def _kernel(layer: Any, kind: str, *, positions: int = 1, **options: Any) -> _ExtractedLayer:
    """A layer with a kernel, maybe regularized, and maybe a bias."""
    _only_default(layer, kernel_constraint=None, bias_constraint=None, bias_regularizer=None)
    penalty = layer.kernel_regularizer
    if penalty is not None and type(penalty) not in PENALTIES:
        raise Unsupported(f"the regularizer {type(penalty).__name__}")
    strengths = {name: float(getattr(penalty, name, 0.0)) for name in ("l1", "l2")}
    nonzero = tuple(name for name, strength in strengths.items() if strength)
    weights = (layer.kernel, layer.bias) if layer.use_bias else (layer.kernel,)
    plan = LayerPlan(
        kind=kind,
        options=(*options.items(), ("bias", layer.use_bias), ("penalties", nonzero)),
        weights=len(weights),
        trainable=len(weights),
        scalars=len(nonzero),
    )
    scalars = tuple(strengths[name] for name in nonzero)
    return _ExtractedLayer(plan=plan, weights=weights, scalars=scalars, positions=positions)


def _activation(function: Callable[..., Any]) -> str:
    # By identity: a function of the user's own may have the name of one of Keras's.
    name = getattr(function, "__name__", "")
    if getattr(keras.activations, name, None) is not function:
        raise Unsupported(f"the activation {name or function!r}")
    return name


def _activation_layer(layer: Any) -> _ExtractedLayer:
    options = (("activation", _activation(layer.activation)),)
    return _ExtractedLayer(plan=LayerPlan(kind="activation", options=options))


def _dropout(layer: Any) -> _ExtractedLayer:
    _only_default(layer, noise_shape=None)
    if not layer.rate:  # then Keras, too, draws nothing
        return _ExtractedLayer(plan=LayerPlan(kind="identity"))
    # 1 / (1 - rate) in float64: from a float32 rate its last digits would be wrong.
    return _ExtractedLayer(
        plan=LayerPlan(kind="dropout", weights=1, scalars=2),
        weights=(layer.seed_generator.state,),
        scalars=(layer.rate, 1 / (1 - layer.rate)),
    )


def _batch_normalization(layer: Any) -> _ExtractedLayer:
    _only_default(
        layer,
        renorm=False,
        synchronized=False,
        center=True,
        scale=True,
        gamma_regularizer=None,
        beta_regularizer=None,
        gamma_constraint=None,
        beta_constraint=None,
    )
    if layer.axis not in (-1, len(layer.input.shape) - 1):
        raise Unsupported("batch normalisation of another axis than the last")
    return _ExtractedLayer(
        plan=LayerPlan(kind="batch_normalization", weights=4, trainable=2, scalars=3),
        weights=(layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance),
        scalars=(layer.momentum, 1 - layer.momentum, layer.epsilon),
    )


def _prelu(layer: Any) -> _ExtractedLayer:
    _only_default(layer, alpha_regularizer=None, alpha_constraint=None, shared_axes=None)
    return _ExtractedLayer(
        plan=LayerPlan(kind="prelu", weights=1, trainable=1), weights=(layer.alpha,)
    )


def _reshape(layer: Any) -> _ExtractedLayer:
    shape = tuple(int(size) for size in layer.output.shape[1:])
    return _ExtractedLayer(plan=LayerPlan(kind="reshape", sizes=len(shape)), sizes=shape)


def _flatten(layer: Any) -> _ExtractedLayer:
    _only_default(layer, data_format="channels_last")
    return _ExtractedLayer(plan=LayerPlan(kind="flatten"))


def _pooling(kind: str) -> Callable[[Any], _ExtractedLayer]:
    def read_pooling(layer: Any) -> _ExtractedLayer:
        _only_default(layer, data_format="channels_last")
        options = {
            "kind": kind,
            "size": tuple(layer.pool_size),
            "strides": tuple(layer.strides),
            "padding": layer.padding.upper(),
        }
        return _ExtractedLayer(plan=LayerPlan(kind="pooling", options=tuple(options.items())))

    return read_pooling


def _global_pooling(kind: str) -> Callable[[Any], _ExtractedLayer]:
    def read_pooling(layer: Any) -> _ExtractedLayer:
        _only_default(layer, data_format="channels_last", keepdims=False)
        return _ExtractedLayer(plan=LayerPlan(kind=f"global_{kind}"))

    return read_pooling


MODELS = (keras.Sequential, keras.src.models.functional.Functional)
PENALTIES = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)
READERS: dict[type[keras.Layer], Callable[[Any], _ExtractedLayer]] = {
    keras.layers.Dense: _dense,
    keras.layers.Activation: _activation_layer,
    keras.layers.Dropout: _dropout,
    keras.layers.BatchNormalization: _batch_normalization,
    keras.layers.PReLU: _prelu,
    keras.layers.Flatten: _flatten,
    keras.layers.Reshape: _reshape,
    keras.layers.Conv1D: _convolution,
    keras.layers.Conv2D: _convolution,
    keras.layers.MaxPooling1D: _pooling("max"),
    keras.layers.MaxPooling2D: _pooling("max"),
    keras.layers.AveragePooling1D: _pooling("average"),
    keras.layers.AveragePooling2D: _pooling("average"),
    keras.layers.GlobalMaxPooling1D: _global_pooling("max"),
    keras.layers.GlobalMaxPooling2D: _global_pooling("max"),
    keras.layers.GlobalAveragePooling1D: _global_pooling("average"),
    keras.layers.GlobalAveragePooling2D: _global_pooling("average"),
}
