"""Values of parameters: read as they are typed, and encoded as Optuna stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.errors import SpaceError, did_you_mean, quoted
from search_spaces.parameters import overrides
from search_spaces.parameters.literals import Value
from search_spaces.parameters.parameter import Parameter


def read(parameters: Mapping[str, Parameter], typed: Sequence[str], space: str) -> dict[str, Any]:
    """Parses ``NAME=VALUE`` texts: see ``SearchSpace.read``.

    Args:
        parameters: of the space, by name.
        typed: the texts.
        space: its name, for messages.
    """
    texts = overrides.parse(typed)
    values, used = {}, set()
    for name, parameter in parameters.items():
        key = name if name in texts else overrides.general(name)
        if key in texts:
            used.add(key)
            values[name] = _read(parameter, name, texts[key])
    for name in texts.keys() - used:
        raise _unknown(name, parameters, space)
    return values


def encode(
    parameters: Mapping[str, Parameter], hyperparameters: Mapping[str, Any], space: str
) -> dict[str, Any]:
    """Returns what Optuna stores for real values: see ``SearchSpace.encode``."""
    encoded = {}
    for name, value in hyperparameters.items():
        if name not in parameters:
            raise _unknown(name, parameters, space)
        try:
            stored = parameters[name].encode(value)
        except SpaceError as e:
            raise SpaceError(f"{name}={value}: {e}") from e
        if not parameters[name].fixed:
            encoded[name] = stored
    return encoded


def _unknown(name: str, parameters: Mapping[str, Parameter], space: str) -> SpaceError:
    hint = did_you_mean(name, parameters)
    return SpaceError(f"Expected a parameter of {space}. Received: {quoted(name)}.{hint}")


def _read(parameter: Parameter, name: str, text: str) -> Value:
    try:
        value = parameter.parse(text)
        parameter.encode(value)
    except SpaceError as e:
        raise SpaceError(f"{name}={text}: {e}") from e
    return value
