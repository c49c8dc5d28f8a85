"""What every parameter is and does: `ranges` and `choices` say what values it has.

A parameter has a range, which is searched, and a meaning, which bounds what an override may set.
A range prints as it is typed, so that what ``tuner spaces`` shows can be given to ``--set``.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.deprecated_names import RenamedAttributes, current_name
from search_spaces.errors import SpaceError, did_you_mean
from search_spaces.parameters.conditions import Condition, When, as_condition
from search_spaces.parameters.literals import Limits, Value, format_value

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


class ParameterType(ABCMeta):
    """Takes the old names of arguments, too, for all classes of parameters."""

    def __call__(cls, *values: Any, **named: Any) -> Any:
        renamed = Parameter._renamed
        return super().__call__(*values, **{current_name(n, renamed): v for n, v in named.items()})


@dataclass(frozen=True, kw_only=True)
class Parameter(RenamedAttributes, metaclass=ParameterType):
    """What `Int`, `Float` and `Choice` share.

    Args:
        default: the value tried first. Without one: the middle of the range, the first category.
        when: the parameters that it depends on, each with the value, the list of values or the
            condition under which this one exists. All must hold.
        per: the name of a counting parameter. Makes one parameter for each: ``units`` per
            ``layers`` becomes ``units_0`` (if layers >= 1), ``units_1`` (if layers >= 2), ...
        limits: the numbers that it can mean. Without them, nothing outside what is declared.
        disabled_value: the value under which nothing is done. Where no other is offered there is
            no such parameter in a trial: ``build`` asks ``hyperparameters.get(NAME, value)``.
        help: a few words for ``tuner spaces``.
    """

    default: Value = None
    when: Mapping[str, When] = field(default_factory=dict)
    per: str | None = None
    limits: Limits | None = None
    disabled_value: Value = None
    help: str = ""
    _renamed: ClassVar[Mapping[str, str]] = {"known": "allowed", "off": "disabled_value"}

    @property
    def conditions(self) -> dict[str, Condition]:
        """The conditions under which it exists, by the parameter they test."""
        return {name: as_condition(when) for name, when in self.when.items()}

    def exists(self, chosen: Mapping[str, Value]) -> bool:
        """Whether it exists beside the real values chosen so far."""
        if (
            self.fixed
            and self.disabled_value is not None
            and format_value(self.default) == format_value(self.disabled_value)
        ):
            return False
        return all(
            name in chosen and condition.holds(chosen[name])
            for name, condition in self.conditions.items()
        )

    def suggest(self, trial: BaseTrial, name: str) -> Value:
        """Returns the real value for a trial, asking the sampler unless only one is left."""
        return self.default if self.fixed else self._sample(trial, name)

    def encode(self, value: Value) -> Value:
        """Returns what Optuna stores for a real value of the range.

        Raises:
            SpaceError: the value lies outside the range.
        """
        if not self.contains(value):
            raise SpaceError(f"Expected a value of {self.text}. Received: {format_value(value)}.")
        return self._encode(value)

    def as_declared(self, value: Any) -> Any:
        """Returns a value that was JSON as it was declared: a list may have been a tuple."""
        return value

    def definition(self) -> dict[str, Any]:
        """What may be tried, as JSON. Defaults and help are no part of it."""
        when = {name: condition.definition() for name, condition in self.conditions.items()}
        return {**self._range(), "when": when}

    @property
    @abstractmethod
    def numeric(self) -> bool:
        """Whether its values are numbers in an order."""

    @property
    @abstractmethod
    def fixed(self) -> bool:
        """Whether only one value is left, the default."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The range as it is typed after ``--set NAME=``."""

    @property
    @abstractmethod
    def expected(self) -> str:
        """The values that it can mean, in words."""

    @abstractmethod
    def means(self, value: Value) -> bool:
        """Whether the parameter can mean the value at all, within its range or not."""

    @abstractmethod
    def parse(self, text: str) -> Value:
        """Returns the value that is spelt ``text``.

        Raises:
            SpaceError: the parameter cannot mean it.
        """

    @abstractmethod
    def contains(self, value: Value) -> bool:
        """Whether the value lies in the range."""

    @abstractmethod
    def nearest(self, value: Value) -> Value:
        """Returns the closest value of the range.

        Raises:
            SpaceError: the value is a category that is not offered.
        """

    @abstractmethod
    def at(self, fraction: float) -> Value:
        """Returns the value of the range that lies at a fraction of it, in [0, 1)."""

    @property
    @abstractmethod
    def options(self) -> Sequence[Value] | None:
        """All values of the range, where it is a list of them."""

    @abstractmethod
    def may_meet(self, condition: Condition) -> bool:
        """Whether any value of the range meets the condition."""

    @abstractmethod
    def _sample(self, trial: BaseTrial, name: str) -> Value: ...

    @abstractmethod
    def _encode(self, value: Value) -> Value: ...

    @abstractmethod
    def _range(self) -> dict[str, Any]: ...

    def _refused(self, received: str, allowed: Iterable[Value] = ()) -> SpaceError:
        hint = did_you_mean(received, map(format_value, allowed))
        return SpaceError(f"Expected {self.expected}. Received: {received!r}.{hint}")

    def _complete(self, **fields: object) -> None:
        """Fills in what a declaration left open, while the frozen record is being made."""
        for name, value in fields.items():
            object.__setattr__(self, name, value)
