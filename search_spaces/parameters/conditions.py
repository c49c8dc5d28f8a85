"""When a parameter exists: conditions on the value of another one.

They are data rather than functions, so that they can be checked, stored as JSON and shown.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from search_spaces.parameters.literals import Number, Value, format_value, is_number


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
    """Holds for the listed values.

    Args:
        values: of the other parameter.

    Examples:
        >>> from search_spaces import Float
        >>> momentum = Float(0.0, 0.99, when={"optimizer": OneOf(("sgd", "rmsprop"))})
        >>> momentum.exists({"optimizer": "adam"})
        False
    """

    values: tuple[Value, ...]
    numeric: ClassVar[bool] = False

    def mentions(self) -> tuple[Value, ...]:
        return self.values

    def holds(self, value: Value) -> bool:
        return any(format_value(value) == format_value(allowed) for allowed in self.values)

    def describe(self, name: str) -> str:
        return f"{name} is {' or '.join(format_value(value) for value in self.values)}"

    def definition(self) -> dict[str, Any]:
        return {"one_of": list(self.values)}


@dataclass(frozen=True)
class _Bound(Condition):
    bound: Number
    numeric: ClassVar[bool] = True


class AtLeast(_Bound):
    """Holds for numbers from ``bound`` upwards.

    Args:
        bound: the lowest number for which it holds.

    Examples:
        >>> from search_spaces import Int
        >>> second = Int(16, 512, when={"layers": AtLeast(2)})
        >>> second.exists({"layers": 1}), second.exists({"layers": 2})
        (False, True)
    """

    def holds(self, value: Value) -> bool:
        return is_number(value) and value >= self.bound

    def describe(self, name: str) -> str:
        return f"{name} >= {format_value(self.bound)}"

    def definition(self) -> dict[str, Any]:
        return {"at_least": self.bound}


class AtMost(_Bound):
    """Holds for numbers up to ``bound``.

    Args:
        bound: the highest number for which it holds.

    Examples:
        >>> from search_spaces import Float
        >>> dropout = Float(0.0, 0.5, when={"layers": AtMost(3)})
        >>> dropout.exists({"layers": 4})
        False
    """

    def holds(self, value: Value) -> bool:
        return is_number(value) and value <= self.bound

    def describe(self, name: str) -> str:
        return f"{name} <= {format_value(self.bound)}"

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
