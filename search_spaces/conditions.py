"""When a parameter exists: conditions on the value of another one.

They are data rather than functions, so that they can be checked, stored as JSON and shown.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from search_spaces.values import Number, Value, is_number, spell


class Condition(ABC):
    """A test on the real value of one parameter."""

    numeric: ClassVar[bool]  # whether it makes sense for numbers only

    def mentions(self) -> tuple[Value, ...]:
        """The values it names; each must be one that the parameter can mean."""
        return ()

    @abstractmethod
    def holds(self, value: Value) -> bool:
        """Whether a parameter with this value makes the other one exist."""

    @abstractmethod
    def describe(self, name: str) -> str:
        """The condition on the parameter ``name`` in words, such as ``layers >= 3``."""

    @abstractmethod
    def definition(self) -> dict[str, Any]:
        """The condition as JSON."""


@dataclass(frozen=True)
class OneOf(Condition):
    """Holds for the listed values."""

    values: tuple[Value, ...]
    numeric: ClassVar[bool] = False

    def mentions(self) -> tuple[Value, ...]:
        return self.values

    def holds(self, value: Value) -> bool:
        return any(spell(value) == spell(known) for known in self.values)

    def describe(self, name: str) -> str:
        return f"{name} is {' or '.join(spell(value) for value in self.values)}"

    def definition(self) -> dict[str, Any]:
        return {"one_of": list(self.values)}


@dataclass(frozen=True)
class _Bound(Condition):
    bound: Number
    numeric: ClassVar[bool] = True


class AtLeast(_Bound):
    """Holds for numbers from ``bound`` upwards."""

    def holds(self, value: Value) -> bool:
        return is_number(value) and value >= self.bound

    def describe(self, name: str) -> str:
        return f"{name} >= {spell(self.bound)}"

    def definition(self) -> dict[str, Any]:
        return {"at_least": self.bound}


class AtMost(_Bound):
    """Holds for numbers up to ``bound``."""

    def holds(self, value: Value) -> bool:
        return is_number(value) and value <= self.bound

    def describe(self, name: str) -> str:
        return f"{name} <= {spell(self.bound)}"

    def definition(self) -> dict[str, Any]:
        return {"at_most": self.bound}


When = Condition | Sequence[Value] | Value


def as_condition(when: When) -> Condition:
    """Returns ``when`` as a condition: a list of values or a single one becomes `OneOf`."""
    if isinstance(when, Condition):
        return when
    if isinstance(when, Sequence) and not isinstance(when, str):
        return OneOf(tuple(when))
    return OneOf((when,))
