"""The parameters of a space as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import format_value
from search_spaces.parameters.parameter import Parameter


@dataclass(frozen=True, kw_only=True)
class ParameterRow:
    """One parameter, as ``tuner spaces NAME`` prints it."""

    name: str
    range: str
    default: str
    condition: str  # empty where it always exists
    accepts: str  # what an override may set
    help: str


def describe(parameters: Mapping[str, Parameter]) -> list[ParameterRow]:
    """Returns one row for each parameter, in order."""
    return [_row(name, parameter) for name, parameter in parameters.items()]


def _row(name: str, parameter: Parameter) -> ParameterRow:
    conditions = (test.describe(other) for other, test in parameter.conditions.items())
    return ParameterRow(
        name=name,
        range=parameter.text,
        default=format_value(parameter.default),
        condition=" and ".join(conditions),
        accepts=parameter.expected,
        help=f"{parameter.help}{_more(parameter)}",
    )


def _more(parameter: Parameter) -> str:
    """What a list that is off until it is asked for has to offer."""
    if parameter.disabled_value is None or not isinstance(parameter, Choice) or not parameter.fixed:
        return ""
    others = [format_value(value) for value in parameter.allowed if value not in parameter.values]
    return f" (or {', '.join(others)})" if others else ""
