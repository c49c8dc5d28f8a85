"""All of a ``model.fit`` that must survive for it to resume as if nothing had happened."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tuner.training.keras_epochs import assign, optimizer_variables, values_of
from tuner.training.training_state import TrainingState

MODEL, OPTIMIZER, PYTHON, NUMPY = "model", "optimizer", "python", "numpy"
CALLBACK = "callback"
# Attributes that Keras sets; it turns the sign of min_delta when a callback sees its first epoch.
NOT_OURS = {"_model", "_params", "params", "validation_data", "min_delta"}


def take(
    model: keras.Model,
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    before: Sequence[Mapping[str, Any]],
    epoch: int,
    **scalars: Any,
) -> TrainingState:
    """Returns the state after an epoch.

    Args:
        model: Compiled.
        callbacks: Whose attributes are part of it, as far as they are plain values and arrays.
        before: What ``plain_attributes`` gave of each before the first epoch: what did not change
            since is how a callback was made, such as a path in the folder of this attempt.
        epoch: Finished epochs.
        scalars: Further values that JSON can hold.
    """
    version, words, gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state()
    arrays = {
        **_grouped(MODEL, values_of(_model_variables(model))),
        **_grouped(OPTIMIZER, values_of(optimizer_variables(model))),
        PYTHON: np.array(words, dtype=np.uint64),
        NUMPY: keys,
    }
    memory = [_memory(callback, made) for callback, made in zip(callbacks, before, strict=True)]
    for place, callback in enumerate(callbacks):
        arrays |= _arrays(f"{CALLBACK}-{place}", callback)
    generators = {"python": [version, gauss], "numpy": [position, has_gauss, cached]}
    scalars |= {"callbacks": memory, "generators": generators}
    return TrainingState(epoch=epoch, arrays=arrays, scalars=scalars)


def put_back_model(state: TrainingState, model: keras.Model) -> None:
    """Restores weights, random states and optimizer.

    Raises:
        ValueError: The state is that of another model.
    """
    model.optimizer.build(model.trainable_variables)
    assign(_model_variables(model), state.group(MODEL))
    assign(optimizer_variables(model), state.group(OPTIMIZER))
    version, gauss = state.scalars["generators"]["python"]
    random.setstate((version, tuple(map(int, state.arrays[PYTHON])), gauss))
    np.random.set_state(("MT19937", state.arrays[NUMPY], *state.scalars["generators"]["numpy"]))


def put_back_callbacks(state: TrainingState, callbacks: Iterable[keras.callbacks.Callback]) -> None:
    """Restores what callbacks remembered; one that is of another class begins anew."""
    for place, (callback, memory) in enumerate(
        zip(callbacks, state.scalars["callbacks"], strict=False)
    ):
        if memory["class"] != type(callback).__name__:
            continue
        for name, value in memory["values"].items():
            setattr(callback, name, value)
        for name in memory["lists"]:
            setattr(callback, name, state.group(f"{CALLBACK}-{place}-{name}"))


def _model_variables(model: keras.Model) -> list[keras.Variable]:
    """Weights and random states; metrics begin anew with each epoch."""
    metrics = set(map(id, model.metrics_variables))
    return [variable for variable in model.variables if id(variable) not in metrics]


def plain_attributes(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """Returns the attributes of a callback that JSON can hold, by name."""
    attributes = {n: value for n, value in vars(callback).items() if n not in NOT_OURS}
    return {n: _as_json(value) for n, value in attributes.items() if _is_plain(value)}


def _memory(callback: keras.callbacks.Callback, before: Mapping[str, Any]) -> dict[str, Any]:
    """What a callback has learned since the first epoch began."""
    values, missing = plain_attributes(callback), object()
    return {
        "class": type(callback).__name__,
        "values": {n: value for n, value in values.items() if before.get(n, missing) != value},
        "lists": [n for n, value in vars(callback).items() if _is_list_of_arrays(value)],
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, Mapping):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    return value is None or isinstance(value, bool | int | float | str | np.number | np.bool_)


def _as_json(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return list(map(_as_json, value))
    if isinstance(value, Mapping):
        return {key: _as_json(one) for key, one in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def _is_list_of_arrays(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, np.ndarray) for one in value)
    )


def _arrays(prefix: str, callback: keras.callbacks.Callback) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name, value in vars(callback).items():
        if _is_list_of_arrays(value):
            arrays |= _grouped(f"{prefix}-{name}", value)
    return arrays


def _grouped(name: str, arrays: Sequence[Any]) -> dict[str, Any]:
    """Arrays as ``TrainingState.group`` finds them."""
    return {f"{name}/{place}": array for place, array in enumerate(arrays)}
