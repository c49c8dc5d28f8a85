"""Expands declared parameters and overrides to the parameters of a space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from search_spaces import loss_parameters, training_parameters
from search_spaces.errors import SpaceError, did_you_mean, shorten
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.conditions import AtLeast, Condition
from search_spaces.parameters.literals import format_value, is_whole
from search_spaces.parameters.overrides import narrow
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Int


def assemble(declared: Mapping[str, Parameter], typed: Mapping[str, str]) -> dict[str, Parameter]:
    """Returns the parameters of a space: narrowed by overrides, ``per`` parameters repeated.

    Of ``units`` per ``layers`` these are ``units_0``, ``units_1``, ...

    Args:
        declared: the parameters by name, as the author of the space declared them.
        typed: the overrides by name, as `overrides.parse` returns them.

    Returns:
        The parameters by name, each after those that its conditions refer to.

    Raises:
        SpaceError: a condition refers to an unknown parameter or an impossible value; or an
            override names an unknown parameter, a value that the parameter cannot have, or a
            parameter that the other overrides exclude.
    """
    declared = _in_order(training_parameters.allow_packages_optimizers(declared))
    assembled: dict[str, Parameter] = {}
    for name, parameter in declared.items():
        narrowed = narrow(name, parameter, typed[name]) if name in typed else parameter
        if parameter.per is None:
            assembled[name] = narrowed
            continue
        for i in range(_maximum(assembled[parameter.per], name)):
            # An override of one copy narrows the declared range: it goes before one of all copies.
            copy = f"{name}_{i}"
            single = narrow(copy, parameter, typed[copy]) if copy in typed else narrowed
            assembled[copy] = _numbered(single, name, i)
    assembled = training_parameters.with_packages_options(assembled)
    assembled |= loss_parameters.named(typed, assembled)
    _check_names(typed, [*declared, *assembled], hidden=_of_loss(assembled))
    _check_reachable(assembled, typed)
    return assembled


def _numbered(parameter: Parameter, name: str, i: int) -> Parameter:
    assert parameter.per is not None
    when = {**parameter.when, parameter.per: AtLeast(i + 1)}
    help_text = f"{parameter.help} ({name}=... sets all)".lstrip()
    return replace(parameter, per=None, when=when, help=help_text)


def _maximum(counter: Parameter, name: str) -> int:
    """Returns the highest value of a counting parameter."""
    if isinstance(counter, Int):
        return int(counter.high)
    if isinstance(counter, Choice) and counter.whole:
        return max(filter(is_whole, counter.values))
    raise SpaceError(f"Expected {name!r} per a whole number. Received: per {counter.text}.")


def _in_order(declared: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Returns the parameters in topological order: each after those that it depends on."""
    ordered: dict[str, Parameter] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in ordered:
            return
        path = (*path, name)
        for other in _dependencies(name, declared):
            if other in path:
                cycle = " -> ".join((*path, other))
                raise SpaceError(f"Expected conditions without a cycle. Received: {cycle}.")
            visit(other, path)
        ordered[name] = declared[name]

    for name in declared:
        visit(name, ())
    return ordered


def _dependencies(name: str, declared: Mapping[str, Parameter]) -> list[str]:
    """Returns the names of the parameters that one depends on; checks its conditions."""
    parameter = declared[name]
    names = [*parameter.when, *([parameter.per] if parameter.per else [])]
    for other in names:
        if other not in declared or declared[other].per:
            raise SpaceError(
                f"Expected {name!r} to depend on a parameter of the space that is not per another. "
                f"Received: {other!r}.{did_you_mean(other, declared)}"
            )
    if len(set(names)) < len(names):
        raise SpaceError(f"Expected no condition of {name!r} on {parameter.per!r} beside per.")
    for other, condition in parameter.conditions.items():
        _check_condition(name, condition, other, declared[other])
    return names


def _check_condition(name: str, condition: Condition, other: str, tested: Parameter) -> None:
    if condition.numeric and not tested.numeric:
        raise SpaceError(f"Expected {name!r} to test values of {other!r}, which is no number.")
    if name in training_parameters.PARAMETERS:
        return  # a space may redeclare `optimizer` without sgd: then its trials have no momentum
    for value in condition.mentions():
        if not tested.means(value):
            raise SpaceError(
                f"Expected {name!r} to depend on a value of {other!r}: {tested.expected}. "
                f"Received: {format_value(value)!r}."
            )


def _of_loss(assembled: Mapping[str, Parameter]) -> Iterable[str]:
    return loss_parameters.PARAMETERS if loss_parameters.LOSS in assembled else ()


def _check_names(typed: Mapping[str, str], names: list[str], hidden: Iterable[str]) -> None:
    for name, text in typed.items():
        if name not in names:
            hint = (
                did_you_mean(name, dict.fromkeys([*names, *hidden]))
                or f" There are {', '.join(dict.fromkeys(names))}."
            )
            raise SpaceError(
                f"{shorten(f'{name}={text}')}: Expected a parameter of the space.{hint}"
            )


def _check_reachable(assembled: Mapping[str, Parameter], typed: Mapping[str, str]) -> None:
    """Rejects an override of a parameter that can never exist."""
    for name in (typed_name for typed_name in typed if typed_name in assembled):
        for other, condition in assembled[name].conditions.items():
            if not assembled[other].may_meet(condition):
                raise SpaceError(
                    f"{name}={shorten(typed[name])}: Expected {condition.describe(other)}, without "
                    f"which there is no {name}. Received: {other}={assembled[other].text}."
                )
