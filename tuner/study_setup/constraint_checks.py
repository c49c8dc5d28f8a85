"""Whether constraints are about numbers that each trial of a space has."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces.errors import did_you_mean, quoted
from search_spaces.parameters.ranges import Range
from search_spaces.space import SearchSpace
from tuner.errors import UserError
from tuner.studies.constraints import COSTS, Constraint


def check_constraints(space: SearchSpace, constraints: Sequence[str]) -> None:
    """Refuses constraints on what is no number, or is not known before a trial trains.

    Raises:
        UserError: One is.
    """
    for text in constraints:
        for name in Constraint(text).names:
            if name in COSTS:
                continue
            parameter = space.parameters.get(name)
            if parameter is None:
                raise UserError(
                    f"Expected --constraint with {', '.join(COSTS)} or parameters of {space.name}. "
                    f"Received: {quoted(name)}.{did_you_mean(name, space.parameters)}"
                )
            is_number = isinstance(parameter, Range) or all(
                isinstance(value, int | float) for value in parameter.options or ("",)
            )
            if not is_number:
                raise UserError(
                    f"Expected --constraint on numbers. Received: {name}, which is none: narrow it "
                    f"with --set {name}=VALUES."
                )
