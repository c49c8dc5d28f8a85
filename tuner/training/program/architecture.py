"""Reads a Keras model: what must be traced, and what are only values."""

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
        kind: Names its rule in ``layers``.
        options: Baked into the graph, by name.
        weights: How many of the program's weights are its own.
        trainable: How many of those are trained; they come first.
        knobs: How many of the program's scalars are its own.
        sizes: How many of the program's integers are its own.
    """

    kind: str
    options: tuple[tuple[str, Any], ...] = ()
    weights: int = 0
    trainable: int = 0
    knobs: int = 0
    sizes: int = 0

    def option(self, name: str) -> Any:
        """The value of an option."""
        return dict(self.options)[name]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A model as a program takes it.

    Attributes:
        plans: One for each layer, in order: equal plans share a trace.
        weights: The model's variables in the order of the plans.
        knobs: Scalars of all layers.
        sizes: Integers of all layers.
        units: Numbers that the model gives for a row.
        products: Multiplications that a row takes on its way through the model.
    """

    plans: tuple[LayerPlan, ...]
    weights: list[keras.Variable]
    knobs: list[float]
    sizes: list[int]
    units: int
    products: int


@dataclass(frozen=True, kw_only=True)
class _Layer:
    plan: LayerPlan
    weights: tuple[keras.Variable, ...] = ()
    knobs: tuple[float, ...] = ()
    sizes: tuple[int, ...] = ()
    places: int = 1  # of a row that its weights are applied to

    @property
    def products(self) -> int:
        return self.places * sum(math.prod(weight.shape) for weight in self.weights)


def read(model: keras.Model) -> Reading:
    """Reads a model that is one chain of layers.

    Raises:
        Unsupported: It is something else, or a layer is not known here.
    """
    layers = [_read_layer(layer) for layer in _chain(model)]
    if len(model.outputs[0].shape) != 2:
        raise Unsupported("an output that is no vector")
    return Reading(
        plans=tuple(layer.plan for layer in layers),
        weights=[weight for layer in layers for weight in layer.weights],
        knobs=[knob for layer in layers for knob in layer.knobs],
        sizes=[size for layer in layers for size in layer.sizes],
        units=int(model.outputs[0].shape[1]),
        products=sum(layer.products for layer in layers),
    )


def _chain(model: keras.Model) -> list[keras.Layer]:
    if type(model) not in MODELS:
        raise Unsupported(f"a model class of its own, {type(model).__name__}")
    if not model.built or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise Unsupported("several inputs or outputs")
    layers = [layer for layer in model.layers if type(layer) is not keras.layers.InputLayer]
    x = model.inputs[0]
    for layer in layers:
        if len(layer._inbound_nodes) != 1 or layer.input is not x:
            raise Unsupported("layers that are no single chain")
        x = layer.output
    if x is not model.outputs[0] or not layers:
        raise Unsupported("layers that are no single chain")
    return layers


def _read_layer(layer: keras.Layer) -> _Layer:
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
    for name, default in defaults.items():
        if getattr(layer, name) != default:
            raise Unsupported(f"{name} of the layer {type(layer).__name__}")


def _dense(layer: Any) -> _Layer:
    _only_default(layer, lora_enabled=False)
    return _kernel(layer, "dense", activation=_activation(layer.activation))


def _convolution(layer: Any) -> _Layer:
    rank = len(layer.kernel_size)
    _only_default(layer, groups=1, dilation_rate=(1,) * rank, data_format="channels_last")
    if getattr(layer, "lora_enabled", False):
        raise Unsupported(f"lora_enabled of the layer {type(layer).__name__}")
    if layer.padding not in ("same", "valid"):
        raise Unsupported(f"the padding {layer.padding}")
    places = math.prod(int(side) for side in layer.output.shape[1:-1])
    return _kernel(
        layer,
        "convolution",
        places=places,
        activation=_activation(layer.activation),
        strides=tuple(layer.strides),
        padding=layer.padding.upper(),
    )


def _kernel(layer: Any, kind: str, *, places: int = 1, **options: Any) -> _Layer:
    """A layer with a kernel, which may be penalised, and maybe a bias."""
    _only_default(layer, kernel_constraint=None, bias_constraint=None, bias_regularizer=None)
    penalty = layer.kernel_regularizer
    if penalty is not None and type(penalty) not in PENALTIES:
        raise Unsupported(f"the penalty {type(penalty).__name__}")
    strengths = {name: float(getattr(penalty, name, 0.0)) for name in ("l1", "l2")}
    used = tuple(name for name, strength in strengths.items() if strength)
    weights = (layer.kernel, layer.bias) if layer.use_bias else (layer.kernel,)
    plan = LayerPlan(
        kind=kind,
        options=(*options.items(), ("bias", layer.use_bias), ("penalties", used)),
        weights=len(weights),
        trainable=len(weights),
        knobs=len(used),
    )
    knobs = tuple(strengths[name] for name in used)
    return _Layer(plan=plan, weights=weights, knobs=knobs, places=places)


def _activation(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", "")
    if getattr(keras.activations, name, None) is not function:
        raise Unsupported(f"the activation {name or function!r}")
    return name


def _activation_layer(layer: Any) -> _Layer:
    options = (("activation", _activation(layer.activation)),)
    return _Layer(plan=LayerPlan(kind="activation", options=options))


def _dropout(layer: Any) -> _Layer:
    _only_default(layer, noise_shape=None)
    if not layer.rate:
        return _Layer(plan=LayerPlan(kind="identity"))
    # Computed in float64: 1 / (1 - rate) of a float32 rate is off in its last digits.
    return _Layer(
        plan=LayerPlan(kind="dropout", weights=1, knobs=2),
        weights=(layer.seed_generator.state,),
        knobs=(layer.rate, 1 / (1 - layer.rate)),
    )


def _batch_normalization(layer: Any) -> _Layer:
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
    return _Layer(
        plan=LayerPlan(kind="batch_normalization", weights=4, trainable=2, knobs=3),
        weights=(layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance),
        knobs=(layer.momentum, 1 - layer.momentum, layer.epsilon),
    )


def _prelu(layer: Any) -> _Layer:
    _only_default(layer, alpha_regularizer=None, alpha_constraint=None, shared_axes=None)
    return _Layer(plan=LayerPlan(kind="prelu", weights=1, trainable=1), weights=(layer.alpha,))


def _reshape(layer: Any) -> _Layer:
    shape = tuple(int(size) for size in layer.output.shape[1:])
    return _Layer(plan=LayerPlan(kind="reshape", sizes=len(shape)), sizes=shape)


def _flatten(layer: Any) -> _Layer:
    _only_default(layer, data_format="channels_last")
    return _Layer(plan=LayerPlan(kind="flatten"))


def _pooling(kind: str) -> Callable[[Any], _Layer]:
    def read_pooling(layer: Any) -> _Layer:
        _only_default(layer, data_format="channels_last")
        options = {
            "kind": kind,
            "size": tuple(layer.pool_size),
            "strides": tuple(layer.strides),
            "padding": layer.padding.upper(),
        }
        return _Layer(plan=LayerPlan(kind="pooling", options=tuple(options.items())))

    return read_pooling


def _global_pooling(kind: str) -> Callable[[Any], _Layer]:
    def read_pooling(layer: Any) -> _Layer:
        _only_default(layer, data_format="channels_last", keepdims=False)
        return _Layer(plan=LayerPlan(kind=f"global_{kind}"))

    return read_pooling


MODELS = (keras.Sequential, keras.src.models.functional.Functional)
PENALTIES = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)
READERS: dict[type[keras.Layer], Callable[[Any], _Layer]] = {
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
