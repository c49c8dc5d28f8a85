"""Constraints of users: arithmetic over hyperparameters and costs, as ``parameters<=200000``."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tuner.errors import UserError, quoted

PARAMETERS, MEMORY = COSTS = "parameters", "memory"  # weights of a model; bytes to train it
LARGEST = 2.0  # margin: a factor of seven; what lies further away is as bad
LONGEST = 200  # characters
HIGHEST = 1e300

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_AT_MOST, _AT_LEAST = (ast.LtE, ast.Lt), (ast.GtE, ast.Gt)


@dataclass(frozen=True)
class Constraint:
    """What a trial must satisfy.

    Args:
        text: As typed: two sides with ``<=``, ``<``, ``>=`` or ``>`` between; names, numbers,
            ``+ - * /`` and brackets.

    Raises:
        UserError: It is not.
    """

    text: str

    def __post_init__(self) -> None:
        self._evaluate(dict.fromkeys(self.names, 1.0))

    @property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters and costs in it."""
        nodes = ast.walk(self._comparison())
        return tuple(dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name)))

    def margin(self, values: Mapping[str, float]) -> float:
        """Returns by how much a trial violates it: above 0 where it does, in [-2, 2].

        For two positive sides the logarithm of their ratio, so that twice as much as allowed is as
        far from the limit as half of it.

        Args:
            values: Of hyperparameters and costs; one that a trial does not have counts as 0.
        """
        small, large, is_strict = self._evaluate(values)
        if math.isnan(small) or math.isnan(large):  # such as a division by zero
            return LARGEST
        if small > 0 and large > 0:
            margin = math.log(small / large) if math.isfinite(small / large) else LARGEST
        else:
            margin = (small - large) / max(abs(small), abs(large), 1.0)
        if is_strict and margin == 0:
            margin = 1e-9
        return max(-LARGEST, min(LARGEST, margin))

    def _evaluate(self, values: Mapping[str, float]) -> tuple[float, float, bool]:
        """The side that must be small, the one that must be large, and whether they must differ."""
        comparison = self._comparison()
        (operation,), (right,) = comparison.ops, comparison.comparators
        sides = [self._value(side, values) for side in (comparison.left, right)]
        if isinstance(operation, _AT_LEAST):
            sides.reverse()
        return sides[0], sides[1], isinstance(operation, ast.Lt | ast.Gt)

    def _comparison(self) -> ast.Compare:
        try:
            tree = ast.parse(self.text.strip() if len(self.text) <= LONGEST else "", mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._refused() from None
        body = tree.body
        if not isinstance(body, ast.Compare) or len(body.ops) != 1:
            raise self._refused()
        if not isinstance(body.ops[0], _AT_MOST + _AT_LEAST):
            raise self._refused()
        return body

    def _value(self, node: ast.expr, values: Mapping[str, float]) -> float:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return float(number) if abs(number) < HIGHEST else math.inf
            case ast.Name(id=name):
                return values.get(name, 0.0)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand, values)
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _ARITHMETIC:
                sides = self._value(left, values), self._value(right, values)
                try:
                    return _ARITHMETIC[type(operation)](*sides)
                except ZeroDivisionError:
                    return math.nan
        raise self._refused()

    def _refused(self) -> UserError:
        return UserError(
            "Expected --constraint with numbers and names of hyperparameters, parameters or memory "
            "on both sides of one <=, <, >= or >, such as 'layers*units_0<=1024'. Received: "
            f"{quoted(self.text[:60])}."
        )


class Infeasible(Exception):
    """A trial violates a constraint of its study."""


@dataclass(frozen=True)
class Margins:
    """By how much a trial violates constraints.

    Args:
        constraints: Of its study.
        values: Of its hyperparameters and costs; None for one that is not known before it trains.
    """

    constraints: Sequence[Constraint]
    values: Mapping[str, float | None]

    @property
    def by_constraint(self) -> dict[str, float]:
        """See ``Constraint.margin``, by number and text; without what is not known."""
        return {
            f"{number}: {constraint.text}": constraint.margin(self._known)
            for number, constraint in enumerate(self.constraints, start=1)
            if all(self.values.get(name, 0.0) is not None for name in constraint.names)
        }

    def check(self) -> None:
        """Refuses a trial that violates one.

        Raises:
            Infeasible: It does.
        """
        for text, margin in self.by_constraint.items():
            if margin > 0:
                constraint = Constraint(text.partition(": ")[2])
                received = [f"{name}={self._known.get(name, 0):,g}" for name in constraint.names]
                raise Infeasible(
                    f"Expected {constraint.text}. Received: {', '.join(received) or 'numbers'}."
                )

    @property
    def _known(self) -> dict[str, float]:
        return {name: value for name, value in self.values.items() if value is not None}


def numbers(hyperparameters: Mapping[str, object]) -> dict[str, float]:
    """Returns the hyperparameters that are numbers, as constraints see them."""
    return {
        name: float(value)
        for name, value in hyperparameters.items()
        if isinstance(value, int | float)
    }
