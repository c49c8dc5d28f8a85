"""Every point of parameters that are lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from search_spaces.errors import SpaceError
from search_spaces.parameters.parameter import Parameter

MAX_GRID = 100_000  # points


def points(parameters: Mapping[str, Parameter]) -> Iterator[dict[str, Any]]:
    """Returns every point, always in the same order; see `size` for what is refused."""
    return _points(tuple(parameters.items()), {}, set())


def size(parameters: Mapping[str, Parameter]) -> int:
    """Returns how many points there are.

    Raises:
        SpaceError: a parameter is a range, not a list of values; or there are more than
            `MAX_GRID`.
    """
    ranges: set[str] = set()
    all_points = _points(tuple(parameters.items()), {}, ranges)
    count = sum(1 for _ in islice(all_points, MAX_GRID + 1))
    if ranges:
        named = [name for name in parameters if name in ranges]
        raise SpaceError(
            f"Expected lists of values for a grid. Received ranges of {', '.join(named)}: "
            f"list or fix them, as in --set {named[0]}=VALUE,VALUE."
        )
    if count > MAX_GRID:
        raise SpaceError(
            f"Expected a grid of at most {MAX_GRID} points. Received a larger one: "
            "fix more parameters with --set."
        )
    return count


def _points(
    parameters: Sequence[tuple[str, Parameter]], chosen: dict[str, Any], ranges: set[str]
) -> Iterator[dict[str, Any]]:
    """The points over the rest of the parameters; ranges count as one value, and are told."""
    if not parameters:
        yield dict(chosen)
        return
    (name, parameter), *rest = parameters
    if not parameter.exists(chosen):
        yield from _points(rest, chosen, ranges)
        return
    if parameter.options is None:
        ranges.add(name)
    for value in parameter.options or (parameter.default,):
        yield from _points(rest, {**chosen, name: value}, ranges)
