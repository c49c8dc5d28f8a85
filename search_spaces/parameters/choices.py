"""Lists of values: `Choice`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.parameters.conditions import Condition
from search_spaces.parameters.literals import (
    Number,
    Value,
    format_value,
    is_number,
    is_whole,
    stored,
)
from search_spaces.parameters.parameter import Parameter

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Choice(Parameter):
    """A list of values, such as ``Choice(["relu", "tanh"])`` or ``Choice([16, 32, 64])``.

    A list of numbers is ordered: it is sampled by its index, because a sampler that takes numbers
    for unrelated categories needs more trials.

    Args:
        values: the values searched; numbers in ascending order. A category may be a tuple or
            list, too: ``build`` is given it as it stands here.
        allowed: further categories that an override may name.
        ordered: whether neighbours resemble each other. Lists of numbers are, unless told.

    Examples:
        >>> Choice(["relu", "tanh"]).default
        'relu'
        >>> batch = Choice([16, 32, 64, 128])
        >>> batch.default, batch.encode(64)  # Optuna stores its place in the list
        (32, 2)
    """

    values: Sequence[Any]
    allowed: Sequence[Value] = field(default=(), kw_only=True)
    ordered: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.values, str) or not self.values:
            raise SpaceError(f"Expected a list of values. Received: {self.values!r}.")
        numbers = all(is_number(value) for value in self.values)
        self._complete(ordered=numbers if self.ordered is None else self.ordered)
        values = _ascending(self.values) if self.ordered else tuple(self.values)
        self._complete(values=values)
        self._complete(allowed=tuple({**_spelt(values), **_spelt(self.allowed)}.values()))
        self._check_values()
        if self.default is None:
            self._complete(default=values[(len(values) - 1) // 2 if self.ordered else 0])
        if not self.contains(self.default):
            raise SpaceError(f"Expected a default among {self.text}. Received: {self.default!r}.")

    def _check_values(self) -> None:
        if len(_spelt(self.values)) < len(self.values):
            raise SpaceError(f"Expected every value once. Received: {_listed(self.values)}.")
        allowed = _spelt(self.allowed)
        for value in self.values:
            if not self._means(value, allowed):
                raise self._refused(format_value(value))

    @property
    def numeric(self) -> bool:
        return bool(self.ordered)

    @property
    def fixed(self) -> bool:
        return len(self.values) == 1

    @property
    def text(self) -> str:
        return ",".join(map(format_value, self.values))

    @property
    def whole(self) -> bool:
        """Whether it is a list of whole numbers."""
        return all(map(is_whole, self.values))

    @property
    def expected(self) -> str:
        if not self.ordered or self.limits is None:
            return f"one of {_listed(self.allowed)}"
        return f"{'whole numbers' if self.whole else 'numbers'} {self.limits}"

    def means(self, value: Value) -> bool:
        return self._means(value, _spelt(self.allowed))

    def _means(self, value: Value, allowed: Mapping[str, Value]) -> bool:
        if not self.ordered or self.limits is None:
            return format_value(value) in allowed
        if not is_number(value) or (self.whole and not is_whole(value)):
            return False
        return self.limits.allow(value)

    def parse(self, text: str) -> Value:
        if not self.ordered:
            return self._parse_category(text)
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            raise self._refused(text) from None
        if not self.means(value):
            raise self._refused(text)
        return value

    def _parse_category(self, text: str) -> Value:
        spelt = _spelt(self.allowed)
        if text in spelt:
            return spelt[text]
        if text.lower() in spelt:
            return spelt[text.lower()]
        raise self._refused(text, self.allowed)

    def contains(self, value: Value) -> bool:
        return format_value(value) in _spelt(self.values)

    def nearest(self, value: Value) -> Value:
        if self.ordered and is_number(value):
            return min(filter(is_number, self.values), key=lambda near: abs(near - value))
        if not self.contains(value):
            raise SpaceError(
                f"Expected one of {_listed(self.values)}. Received: {format_value(value)}."
            )
        return _spelt(self.values)[format_value(value)]

    def at(self, fraction: float) -> Value:
        value: Value = self.values[int(fraction * len(self.values))]
        return value

    @property
    def options(self) -> Sequence[Value] | None:
        return self.values

    def may_meet(self, condition: Condition) -> bool:
        return any(condition.holds(value) for value in self.values)

    def _sample(self, trial: BaseTrial, name: str) -> Value:
        if self.ordered:
            number: Number = self.values[trial.suggest_int(name, 0, len(self.values) - 1)]
            return number
        chosen = trial.suggest_categorical(name, [stored(value) for value in self.values])
        return _spelt(self.values)[format_value(chosen)]

    def as_declared(self, value: Any) -> Any:
        if not isinstance(value, list | dict):
            return value
        return _spelt(self.values).get(format_value(value), value)

    def _encode(self, value: Value) -> Value:
        index = list(_spelt(self.values)).index(format_value(value))
        return index if self.ordered else stored(self.values[index])

    def _range(self) -> dict[str, Any]:
        return {"type": "choice", "values": list(self.values), "ordered": self.ordered}


def _ascending(values: Sequence[Value]) -> tuple[Number, ...]:
    """Returns the numbers of an ordered list, all whole or all real.

    Raises:
        SpaceError: they are not numbers, or not in ascending order.
    """
    numbers = [value for value in values if is_number(value)]
    if len(numbers) < len(values) or numbers != sorted(numbers):
        raise SpaceError(f"Expected numbers in ascending order. Received: {_listed(values)}.")
    return tuple(numbers) if all(map(is_whole, numbers)) else tuple(map(float, numbers))


def _spelt(values: Sequence[Value]) -> dict[str, Value]:
    return {format_value(value): value for value in values}


def _listed(values: Sequence[Value], most: int = 30) -> str:
    """Values for a message: of many the first ones."""
    more = [f"... ({len(values)} in all)"] if len(values) > most else []
    return ", ".join([*map(format_value, values[:most]), *more])
