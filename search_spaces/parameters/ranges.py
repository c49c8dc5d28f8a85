"""Ranges of numbers: `Int` and `Float`."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.parameters.conditions import Condition
from search_spaces.parameters.literals import (
    Limits,
    Number,
    Value,
    format_value,
    is_number,
    is_whole,
)
from search_spaces.parameters.parameter import Parameter

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Range(Parameter):
    """Numbers from ``low`` to ``high``, both included. Use `Int` or `Float`.

    Args:
        low: the lowest value.
        high: the highest value, or the last one before it that ``step`` reaches.
        log: whether to sample on a logarithmic scale.
        step: the distance between neighbours; None means every number.
    """

    low: Number
    high: Number
    log: bool = field(default=False, kw_only=True)
    step: Number | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self._check_ends()
        if self.low == self.high:
            self._complete(log=False, step=None)
        self._check_scale()
        self._complete(low=self._number(self.low), high=self._on_grid(self.high, ROUND_FLOOR))
        if self.default is None:
            self._complete(default=self.nearest(self._middle()))
        if not self.contains(self.default):
            raise SpaceError(f"Expected a default in {self.text}. Received: {self.default!r}.")

    def _check_ends(self) -> None:
        ends = (self.low, self.high)
        if all(map(self._is_number, ends)) and self.low > self.high:
            raise SpaceError(f"Expected the lower end first. Received: {self._ends}.")
        if self.limits is None:
            self._complete(limits=Limits(at_least=self.low, at_most=self.high))
        for value in ends:
            if not self.means(value):
                raise self._refused(format_value(value))

    def _check_scale(self) -> None:
        if self.log and self.step is not None:
            raise SpaceError(f"Expected a log scale or a step, not both. Received: {self._ends}.")
        if self.log and self.low <= 0:
            raise SpaceError(
                f"Expected a log range to start above 0. Received: {self._ends}. "
                f"For an even scale type {self._ends}:linear."
            )
        if self.step is None:
            return
        if not self._is_number(self.step) or not 0 < self.step <= self.high - self.low:
            raise SpaceError(
                f"Expected {self._ends}:STEP with a step above 0 that fits into the range. "
                f"Received: {format_value(self.step)}."
            )

    @property
    def _ends(self) -> str:
        return f"{format_value(self.low)}..{format_value(self.high)}"

    @staticmethod
    @abstractmethod
    def _number(value: Number | Decimal | str) -> Number: ...

    @staticmethod
    @abstractmethod
    def _is_number(value: Value) -> bool: ...

    def _middle(self) -> Number:
        if self.log:
            return math.sqrt(self.low * self.high)
        return (self.low + self.high) / 2

    def _on_grid(self, value: Number, rounding: str = ROUND_HALF_EVEN) -> Number:
        """Returns a value of the grid without binary residue: 0.3, not 0.30000000000000004."""
        if self.step is None:
            return self._number(value)
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        steps = ((Decimal(str(value)) - low) / step).to_integral_value(rounding)
        return self._number(low + steps * step)

    @property
    def numeric(self) -> bool:
        return True

    @property
    def fixed(self) -> bool:
        return self.low == self.high

    @property
    def text(self) -> str:
        if self.fixed:
            return format_value(self.low)
        scale = ":log" if self.log else "" if self.step is None else f":{format_value(self.step)}"
        return f"{self._ends}{scale}"

    def means(self, value: Value) -> bool:
        if not is_number(value) or not self._is_number(value):
            return False
        return self.limits is None or self.limits.allow(value)

    def parse(self, text: str) -> Value:
        try:
            value = self._number(text)
        except ValueError:
            raise self._refused(text) from None
        if not self.means(value):
            raise self._refused(text)
        return value

    def contains(self, value: Value) -> bool:
        if not is_number(value) or not self._is_number(value):
            return False
        if not self.low <= value <= self.high:
            return False
        return math.isclose(value, self._on_grid(value), rel_tol=1e-9, abs_tol=1e-12)

    def nearest(self, value: Value) -> Value:
        if not is_number(value):
            raise self._refused(format_value(value))
        return self._on_grid(min(max(value, self.low), self.high))

    def at(self, fraction: float) -> Value:
        if self.log:
            return self.nearest(self.low * (self.high / self.low) ** fraction)
        width = self.high - self.low
        if self.step is not None:
            # Each value of a grid has the same share, the last one too; a sum may be rounded up.
            value = self._on_grid(self.low + fraction * (width + self.step), ROUND_FLOOR)
            return min(value, self.high)
        return self.nearest(self.low + fraction * width)

    @property
    def options(self) -> Sequence[Value] | None:
        return (self.low,) if self.fixed else None

    def may_meet(self, condition: Condition) -> bool:
        values = (self.low, self.high, *condition.mentions())
        return any(self.contains(value) and condition.holds(value) for value in values)

    def _encode(self, value: Value) -> Value:
        return value

    def _range(self) -> dict[str, Any]:
        ends = {"low": self.low, "high": self.high}
        return {"type": type(self).__name__.lower(), **ends, "log": self.log, "step": self.step}


@dataclass(frozen=True)
class Int(Range):
    """Whole numbers, such as the neurons of a layer.

    Examples:
        >>> units = Int(16, 512, log=True)
        >>> units.text, units.default
        ('16..512:log', 91)
        >>> Int(10, 40, step=10).contains(25)
        False
    """

    def __post_init__(self) -> None:
        if self.step == 1:
            self._complete(step=None)
        super().__post_init__()

    @property
    def expected(self) -> str:
        return f"a whole number {self.limits}".rstrip()

    @staticmethod
    def _number(value: Number | Decimal | str) -> Number:
        return int(value) if isinstance(value, str) else round(value)

    @staticmethod
    def _is_number(value: Value) -> bool:
        return is_whole(value)

    def _sample(self, trial: BaseTrial, name: str) -> Value:
        low, high, step = int(self.low), int(self.high), int(self.step or 1)
        return trial.suggest_int(name, low, high, step=step, log=self.log)


@dataclass(frozen=True)
class Float(Range):
    """Real numbers, such as a learning rate.

    Examples:
        >>> rate = Float(1e-4, 1e-1, log=True, default=1e-3)
        >>> rate.text, rate.default
        ('0.0001..0.1:log', 0.001)
        >>> rate.nearest(5.0)
        0.1
    """

    @property
    def expected(self) -> str:
        return f"a number {self.limits}".rstrip()

    @staticmethod
    def _number(value: Number | Decimal | str) -> Number:
        return float(value)

    @staticmethod
    def _is_number(value: Value) -> bool:
        return is_number(value)

    def _sample(self, trial: BaseTrial, name: str) -> Value:
        value = trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        return self._on_grid(value)
