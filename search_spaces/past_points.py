"""Points of past studies as points of a space: names as they are, values where they lie in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.parameters.literals import Value
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class PastPoints:
    """Past points in a space.

    Attributes:
        points: Of each past point what can be used, as Optuna stores it; may be empty.
        values_outside: How many values of each past point lie outside of their range.
        unknown: Names that are no parameters of the space.
        missing: Parameters for which no past point has a value.
    """

    points: tuple[dict[str, Any], ...]
    values_outside: tuple[int, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def outside(self) -> int:
        """How many values of all points lie outside of their range."""
        return sum(self.values_outside)

    def only(self, indices: Sequence[int]) -> PastPoints:
        """Returns some of the points, in this order."""
        return dataclasses.replace(
            self,
            points=tuple(self.points[i] for i in indices),
            values_outside=tuple(self.values_outside[i] for i in indices),
        )


def map_points(
    space: SearchSpace,
    past: Sequence[Mapping[str, Any]],
    inputs: Inputs | None,
    outputs: Outputs | None,
) -> PastPoints:
    """Maps past points to a space.

    Args:
        space: Where parameters are known only when it runs, it is built with the first points.
        past: Real values by name; the best point first.
        inputs: Of the data; None where the space trains by itself.
        outputs: See ``inputs``.
    """
    ranges = space.ranges(past, inputs, outputs)
    points, values_outside, unknown = [], [], dict[str, None]()
    for values in past:
        point: dict[str, Any] = {}
        outside = 0
        for name, value in values.items():
            if name not in ranges:
                unknown[name] = None
                if not space.names_are_open:
                    continue
            elif (inside := _inside(ranges[name], value)) is None:
                outside += 1
                continue
            else:
                value = inside[0]
            point[name] = value
        points.append(space.encode(point))
        values_outside.append(outside)
    searched = {name for name, parameter in ranges.items() if not parameter.fixed}
    there = {name for point in points for name in point}
    return PastPoints(
        points=tuple(points),
        values_outside=tuple(values_outside),
        unknown=() if space.names_are_open else tuple(unknown),
        missing=tuple(name for name in ranges if name in searched - there),
    )


def _inside(parameter: Parameter, value: Any) -> tuple[Value] | None:
    """The value as the parameter has it; None where it lies outside."""
    if isinstance(parameter, Int) and isinstance(value, float) and value.is_integer():
        value = int(value)
    return (parameter.nearest(value),) if parameter.contains(value) else None
