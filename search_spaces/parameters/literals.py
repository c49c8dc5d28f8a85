"""Values of parameters: how they are spelt on the command line, and which numbers make sense."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeGuard

from search_spaces.errors import SpaceError

Number = int | float
LARGEST = 2**53  # beyond it floats, in which Optuna stores numbers, skip whole ones
Value = bool | int | float | str | None  # what Optuna and JSON can both hold


def is_number(value: object) -> TypeGuard[Number]:
    """True and False are categories, although Python counts them among the integers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: object) -> TypeGuard[int]:
    """Whether the value is an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def plain(value: Any) -> Any:
    """Returns a value as JSON gives it back, but for tuples: NumPy's as Python's own."""
    return value.tolist() if type(value).__module__ == "numpy" else value


def stored(value: Any) -> Value:
    """Returns a category as Optuna stores it: itself, or the JSON text of a list or tuple.

    Raises:
        SpaceError: JSON cannot hold it, so that nobody could read it again.
    """
    value = plain(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        raise SpaceError(
            "Expected categories that are numbers, texts, True, False, None, or lists or tuples of "
            f"these. Received: {' '.join(repr(value).split())[:100]}: name each by a text."
        ) from None


def format_value(value: Any) -> str:
    """Returns a value as it is typed and shown: ``0.5``, ``32``, ``relu``, ``true``, ``none``."""
    value = stored(value)
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The numbers a parameter can mean: ``Limits(at_least=0, below=1)`` for a dropout rate."""

    at_least: Number | None = None
    above: Number | None = None
    at_most: Number | None = None
    below: Number | None = None

    def allow(self, value: Number) -> bool:
        """Whether a number is finite, exact as a float, and within the bounds."""
        return (
            abs(value) <= LARGEST
            and (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        bounds = {
            "at least": self.at_least,
            "above": self.above,
            "at most": self.at_most,
            "below": self.below,
        }
        named = (
            f"{word} {format_value(bound)}" for word, bound in bounds.items() if bound is not None
        )
        return " and ".join(named)
