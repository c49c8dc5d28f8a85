"""Lists of values: `Choice`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search_spaces.conditions import Condition
from search_spaces.errors import SpaceError
from search_spaces.parameters import Parameter
from search_spaces.values import Number, Value, is_number, is_whole, spell

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Choice(Parameter):
    """A list of values, such as ``Choice(["relu", "tanh"])`` or ``Choice([16, 32, 64])``.

    A list of numbers is ordered: it is sampled by its index, because a sampler that takes numbers
    for unrelated categories needs more trials.

    Args:
        values: the values searched; numbers in ascending order.
        known: further categories that an override may name.
        ordered: whether neighbours resemble each other. Lists of numbers are, unless told.
    """

    values: Sequence[Value]
    known: Sequence[Value] = field(default=(), kw_only=True)
    ordered: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.values, str) or not self.values:
            raise SpaceError(f"Expected a list of values. Received: {self.values!r}.")
        numbers = all(is_number(value) for value in self.values)
        self._complete(ordered=numbers if self.ordered is None else self.ordered)
        values = _ascending(self.values) if self.ordered else tuple(self.values)
        self._complete(values=values)
        self._complete(known=tuple({**_spelt(values), **_spelt(self.known)}.values()))
        self._check_values()
        if self.default is None:
            self._complete(default=values[(len(values) - 1) // 2 if self.ordered else 0])
        if not self.contains(self.default):
            raise SpaceError(f"Expected a default among {self.text}. Received: {self.default!r}.")

    def _check_values(self) -> None:
        if len(_spelt(self.values)) < len(self.values):
            raise SpaceError(f"Expected every value once. Received: {_listed(self.values)}.")
        for value in self.values:
            if not self.means(value):
                raise self._refused(spell(value))

    @property
    def numeric(self) -> bool:
        return bool(self.ordered)

    @property
    def fixed(self) -> bool:
        return len(self.values) == 1

    @property
    def text(self) -> str:
        return ",".join(map(spell, self.values))

    @property
    def whole(self) -> bool:
        """Whether it is a list of whole numbers."""
        return all(map(is_whole, self.values))

    @property
    def expected(self) -> str:
        if not self.ordered or self.limits is None:
            return f"one of {_listed(self.known)}"
        return f"{'whole numbers' if self.whole else 'numbers'} {self.limits}"

    def means(self, value: Value) -> bool:
        if not self.ordered or self.limits is None:
            return spell(value) in _spelt(self.known)
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
        spelt = _spelt(self.known)
        if text in spelt:
            return spelt[text]
        if text.lower() in spelt:
            return spelt[text.lower()]
        raise self._refused(text, self.known)

    def contains(self, value: Value) -> bool:
        return spell(value) in _spelt(self.values)

    def nearest(self, value: Value) -> Value:
        if self.ordered and is_number(value):
            return min(filter(is_number, self.values), key=lambda near: abs(near - value))
        if not self.contains(value):
            raise SpaceError(f"Expected one of {_listed(self.values)}. Received: {spell(value)}.")
        return _spelt(self.values)[spell(value)]

    def at(self, fraction: float) -> Value:
        return self.values[int(fraction * len(self.values))]

    @property
    def options(self) -> Sequence[Value] | None:
        return self.values

    def may_meet(self, condition: Condition) -> bool:
        return any(condition.holds(value) for value in self.values)

    def _sample(self, trial: BaseTrial, name: str) -> Value:
        if self.ordered:
            return self.values[trial.suggest_int(name, 0, len(self.values) - 1)]
        return trial.suggest_categorical(name, list(self.values))

    def _encode(self, value: Value) -> Value:
        index = list(_spelt(self.values)).index(spell(value))
        return index if self.ordered else self.values[index]

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
    return {spell(value): value for value in values}


def _listed(values: Sequence[Value]) -> str:
    return ", ".join(map(spell, values))
