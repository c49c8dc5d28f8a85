"""The ``hp`` of KerasTuner: what ``build(hp)`` asks for hyperparameters.

Names, arguments, defaults and conditions are those of ``keras_tuner.HyperParameters`` (version
1.4), which a test compares with it. Where KerasTuner draws a value, a trial suggests one:

===========================================  ===================================================
``Int``, ``Float``, linear                   a range, with its step
``Int``, ``Float``, ``sampling="log"``       a logarithmic range; with a step its powers, as a list
``sampling="reverse_log"``                   the same values, all equally likely
``Choice``, ``Boolean``                      a list
``Fixed``                                    the value; nothing is searched
===========================================  ===================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from search_spaces.parameters.choices import Choice
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Float, Int

Suggest = Callable[[str, Parameter], Any]
RangeType = type[Int] | type[Float]
Condition = tuple[str, tuple[Any, ...]]  # a parent's name and the values under which it holds

SAMPLINGS = ("linear", "log", "reverse_log")


class HyperParameters:
    """Suggests hyperparameters by the methods of ``keras_tuner.HyperParameters``.

    A hyperparameter whose conditions do not hold is None, and is not searched in that trial.

    Args:
        suggest: Called once in a trial with a name and its range; returns the value.

    Attributes:
        values: The values of this trial by name, with the scopes before it: ``encoder/units``.
    """

    def __init__(self, suggest: Suggest) -> None:
        self.values: dict[str, Any] = {}
        self._suggest = suggest
        self._scopes: list[str] = []
        self._conditions: list[Condition] = []
        self._conditions_of: dict[str, list[tuple[Condition, ...]]] = {}

    def Int(  # noqa: N802 the names of KerasTuner
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str | None = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Returns a whole number from ``min_value`` to ``max_value``, both included.

        Args:
            name: Of the hyperparameter.
            min_value: The lowest value.
            max_value: The highest one.
            step: Added between neighbours; multiplied if ``sampling`` is not linear.
            sampling: ``linear``, ``log`` or ``reverse_log``.
            default: Tried when a study is made; by default ``min_value``.
            parent_name: Of the hyperparameter that this one depends on.
            parent_values: The values of the parent under which it exists.

        Raises:
            ValueError: An argument cannot be; the parent does not exist.
        """
        return self._of_range(
            Int, name, (min_value, max_value), step, sampling, default, parent_name, parent_values
        )

    def Float(  # noqa: N802
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Returns a real number; for the arguments and errors see ``Int``."""
        ends = (float(min_value), float(max_value))
        return self._of_range(
            Float, name, ends, step, sampling, default, parent_name, parent_values
        )

    def Choice(  # noqa: N802
        self,
        name: str,
        values: Sequence[Any],
        ordered: bool | None = None,
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Returns one of the values.

        Args:
            name: Of the hyperparameter.
            values: Numbers, texts or booleans.
            ordered: As in KerasTuner; samplers of ours take the values as they are.
            default: Tried when a study is made; by default the first value.
            parent_name: See ``Int``.
            parent_values: See ``Int``.
        """
        choice = _list_of(list(values), default)
        return self._value(name, choice, parent_name, parent_values)

    def Boolean(  # noqa: N802
        self,
        name: str,
        default: bool = False,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Returns True or False; for the arguments see ``Choice``."""
        return self._value(name, _list_of([True, False], default), parent_name, parent_values)

    def Fixed(  # noqa: N802
        self, name: str, value: Any, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """Returns the value itself, which is not searched; for the arguments see ``Int``."""
        return self._value(name, _list_of([value], value), parent_name, parent_values)

    def get(self, name: str) -> Any:
        """Returns the value that a hyperparameter has in this trial.

        Raises:
            KeyError: There is none of this name.
            ValueError: Its conditions do not hold.
        """
        name = self._full_name(name)
        if name in self.values:
            return self.values[name]
        if name in self._conditions_of:
            raise ValueError(f"{name} is currently inactive.")
        raise KeyError(f"{name} does not exist.")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._full_name(name) in self.values

    def is_active(self, name: str) -> bool:
        """Whether the conditions of a hyperparameter of this name hold."""
        return any(map(self._hold, self._conditions_of[name]))

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Puts ``name/`` before the names within."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Hyperparameters within exist only where the parent has one of these values.

        Raises:
            ValueError: There is no such parent.
        """
        name = self._full_name(parent_name)
        if name not in self._conditions_of:
            raise ValueError(f"Expected a hyperparameter {name!r} before the scope it governs.")
        several = isinstance(parent_values, list | tuple | set)
        self._conditions.append((name, tuple(parent_values if several else [parent_values])))
        try:
            yield
        finally:
            self._conditions.pop()

    def copy(self) -> HyperParameters:
        """Returns hyperparameters with the same values, in which further ones are not searched."""
        copied = HyperParameters(lambda _, parameter: parameter.default)
        copied.values = dict(self.values)
        copied._conditions_of = {name: [*all_] for name, all_ in self._conditions_of.items()}
        return copied

    def _of_range(
        self,
        kind: RangeType,
        name: str,
        ends: tuple[float, float],
        step: float | None,
        sampling: str | None,
        default: float | None,
        parent_name: str | None,
        parent_values: Any,
    ) -> Any:
        sampling = (sampling or "linear").lower()
        if sampling not in SAMPLINGS:
            raise ValueError(
                f"Expected the sampling of {name!r} to be one of {', '.join(SAMPLINGS)}. "
                f"Received: {sampling!r}."
            )
        default = ends[0] if default is None else default
        if step is not None and sampling != "linear":
            powers = _powers(ends, step, sampling, whole=kind is Int)
            parameter: Parameter = _list_of(powers, default if default in powers else None)
        else:
            parameter = _range_of(kind, ends, step, default, log=sampling == "log")
        return self._value(name, parameter, parent_name, parent_values)

    def _value(
        self, name: str, parameter: Parameter, parent_name: str | None, parent_values: Any
    ) -> Any:
        scope: AbstractContextManager[None] = nullcontext()
        if parent_name is not None:
            scope = self.conditional_scope(parent_name, parent_values)
        with scope:
            name, conditions = self._full_name(name), tuple(self._conditions)
            known = self._conditions_of.setdefault(name, [])
            if conditions not in known:
                known.append(conditions)
            if not self._hold(conditions):
                return None
            if name not in self.values:
                self.values[name] = self._suggest(name, parameter)
            return self.values[name]

    def _hold(self, conditions: Sequence[Condition]) -> bool:
        return all(
            name in self.values and self.values[name] in allowed for name, allowed in conditions
        )

    def _full_name(self, name: str) -> str:
        return "/".join([*self._scopes, str(name)])


def _list_of(values: list[Any], default: Any) -> Choice:
    """A list that samplers see as it is, also of numbers."""
    return Choice(values, ordered=False, default=values[0] if default is None else default)


def _range_of(
    kind: RangeType,
    ends: tuple[float, float],
    step: float | None,
    default: float,
    *,
    log: bool,
) -> Parameter:
    """A range with its default; a step that is too large is never taken, as in KerasTuner."""
    if step is not None and step > ends[1] - ends[0]:
        return kind(ends[0], ends[0])
    parameter = kind(*ends, step=step, log=log)
    return replace(parameter, default=parameter.nearest(default))


def _powers(ends: tuple[float, float], step: float, sampling: str, *, whole: bool) -> list[Any]:
    """The values between which KerasTuner multiplies by a step, in its order."""
    low, high = ends
    if low <= 0 or step <= 1:
        raise ValueError(
            f"Expected min_value above 0 and a step above 1 where sampling is {sampling}. "
            f"Received: min_value={low}, step={step}."
        )
    count = int(math.log(high / low, step) + 1e-8) + 1
    values = [low * step**power for power in range(count)]
    if sampling == "reverse_log":
        values = [high + low - value for value in values]
    return [int(value) if whole else float(value) for value in values]
