"""From declared parameters and overrides to the parameters of a space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from search_spaces import training
from search_spaces.choices import Choice
from search_spaces.conditions import AtLeast, Condition
from search_spaces.errors import SpaceError, did_you_mean
from search_spaces.overrides import narrow
from search_spaces.parameters import Parameter
from search_spaces.ranges import Int
from search_spaces.values import is_whole, spell


def assemble(declared: Mapping[str, Parameter], typed: Mapping[str, str]) -> dict[str, Parameter]:
    """Returns the parameters in order, narrowed, one for each layer where they are ``per`` layer.

    Args:
        declared: the parameters of the space as its author wrote them.
        typed: the overrides by name, as `overrides.parse` returns them.

    Raises:
        SpaceError: a condition refers to what cannot be, or an override to no parameter, to values
            it cannot mean, or to a parameter that the other overrides rule out.
    """
    declared = _in_order(declared)
    narrowed = {
        name: narrow(name, parameter, typed[name]) if name in typed else parameter
        for name, parameter in declared.items()
    }
    assembled = _one_each(narrowed, declared, typed)
    _check_names(typed, [*declared, *assembled])
    _check_reachable(assembled, typed)
    return assembled


def _one_each(
    narrowed: Mapping[str, Parameter],
    declared: Mapping[str, Parameter],
    typed: Mapping[str, str],
) -> dict[str, Parameter]:
    """Returns the parameters with those that are ``per`` another repeated and numbered.

    An override of one of them starts from the declaration, so that it wins over one of all.
    """
    expanded: dict[str, Parameter] = {}
    for name, parameter in narrowed.items():
        if parameter.per is None:
            expanded[name] = parameter
            continue
        for i in range(_most(narrowed[parameter.per], name)):
            own = f"{name}_{i}"
            each = narrow(own, declared[name], typed[own]) if own in typed else parameter
            expanded[own] = _numbered(each, name, i)
    return expanded


def _numbered(parameter: Parameter, name: str, i: int) -> Parameter:
    assert parameter.per is not None
    when = {**parameter.when, parameter.per: AtLeast(i + 1)}
    help_text = f"{parameter.help} ({name}=... sets all)".lstrip()
    return replace(parameter, per=None, when=when, help=help_text)


def _most(counter: Parameter, name: str) -> int:
    """Returns the largest number that a counting parameter can reach."""
    if isinstance(counter, Int):
        return int(counter.high)
    if isinstance(counter, Choice) and counter.whole:
        return max(filter(is_whole, counter.values))
    raise SpaceError(f"Expected {name!r} per a whole number. Received: per {counter.text}.")


def _in_order(declared: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Returns the parameters as declared, but each after those that it depends on."""
    ordered: dict[str, Parameter] = {}

    def place(name: str, waiting: tuple[str, ...]) -> None:
        if name in ordered:
            return
        waiting = (*waiting, name)
        for other in _needs(name, declared):
            if other in waiting:
                circle = " -> ".join((*waiting, other))
                raise SpaceError(f"Expected conditions without a circle. Received: {circle}.")
            place(other, waiting)
        ordered[name] = declared[name]

    for name in declared:
        place(name, ())
    return ordered


def _needs(name: str, declared: Mapping[str, Parameter]) -> list[str]:
    """Returns the names of the parameters that one depends on, if its conditions make sense."""
    parameter = declared[name]
    needs = [*parameter.when, *([parameter.per] if parameter.per else [])]
    for other in needs:
        if other not in declared or declared[other].per:
            raise SpaceError(
                f"Expected {name!r} to depend on a parameter of the space that is not per another. "
                f"Received: {other!r}.{did_you_mean(other, declared)}"
            )
    if len(set(needs)) < len(needs):
        raise SpaceError(f"Expected no condition of {name!r} on {parameter.per!r} beside per.")
    for other, condition in parameter.conditions.items():
        _check_condition(name, condition, other, declared[other])
    return needs


def _check_condition(name: str, condition: Condition, other: str, tested: Parameter) -> None:
    if condition.numeric and not tested.numeric:
        raise SpaceError(f"Expected {name!r} to test values of {other!r}, which is no number.")
    if name in training.PARAMETERS:
        return  # a space may redeclare `optimizer` without sgd: then there is no momentum in it
    for value in condition.mentions():
        if not tested.means(value):
            raise SpaceError(
                f"Expected {name!r} to depend on a value of {other!r}: {tested.expected}. "
                f"Received: {spell(value)!r}."
            )


def _check_names(typed: Mapping[str, str], known: list[str]) -> None:
    for name, text in typed.items():
        if name not in known:
            hint = did_you_mean(name, known) or f" There are {', '.join(dict.fromkeys(known))}."
            raise SpaceError(f"{name}={text}: Expected a parameter of the space.{hint}")


def _check_reachable(assembled: Mapping[str, Parameter], typed: Mapping[str, str]) -> None:
    """Refuses an override that could never have an effect."""
    for name in (typed_name for typed_name in typed if typed_name in assembled):
        for other, condition in assembled[name].conditions.items():
            if not assembled[other].may_meet(condition):
                raise SpaceError(
                    f"{name}={typed[name]}: Expected {condition.describe(other)}, without which "
                    f"there is no {name}. Received: {other}={assembled[other].text}."
                )
