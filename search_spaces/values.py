"""Values of parameters: how they are spelt on the command line, and which numbers make sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

Number = int | float
LARGEST = 2**53  # beyond it floats, in which Optuna stores numbers, skip whole ones
Value = bool | int | float | str | None  # what Optuna and JSON can both hold


def is_number(value: object) -> TypeGuard[Number]:
    """True and False are categories, although Python counts them among the integers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: object) -> TypeGuard[int]:
    """Whether the value is an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def spell(value: Value) -> str:
    """Returns a value as it is typed and shown: ``0.5``, ``32``, ``relu``, ``true``, ``none``."""
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
        named = (f"{word} {spell(bound)}" for word, bound in bounds.items() if bound is not None)
        return " and ".join(named)
