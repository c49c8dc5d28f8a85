"""Points of a search space as rows of the unit cube, and as features that have distances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

ABSENT = 0.5  # how far, along an axis of its own, a parameter that a point lacks is from the middle


class PointEncoding:
    """Parameters of numbers and categories as one row, shape (parameters,), and back.

    A number lies in [0, 1] along the scale on which it is drawn; a category is the index of its
    choice; a parameter that does not exist in a point is NaN.

    Args:
        distributions: The parameters, by name; those with one value only say nothing.

    Attributes:
        distributions: As given.
        names: The parameters, in the order of the columns.
        choices: How many choices each has; 0 for a number. Shape (parameters,).
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self.distributions = dict(distributions)
        self.names = list(self.distributions)
        self.choices = np.array(
            [
                len(d.choices) if isinstance(d, CategoricalDistribution) else 0
                for d in self.distributions.values()
            ],
            dtype=int,
        )

    def only(self, columns: Iterable[int]) -> PointEncoding:
        """Returns the encoding of some of the parameters."""
        names = [self.names[column] for column in columns]
        return PointEncoding({name: self.distributions[name] for name in names})

    def encode(self, points: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Returns the row of each point; a value outside of today's range lies at its edge."""
        rows = np.full((len(points), len(self.names)), np.nan)
        for column, (name, distribution) in enumerate(self.distributions.items()):
            internal = [
                distribution.to_internal_repr(point[name]) if name in point else np.nan
                for point in points
            ]
            rows[:, column] = _positions(distribution, np.array(internal))
        return rows

    def decode(self, row: np.ndarray) -> dict[str, Any]:
        """Returns the parameters of a row, without those that it lacks."""
        return {
            name: _value(distribution, position)
            for (name, distribution), position in zip(self.distributions.items(), row, strict=True)
            if not np.isnan(position)
        }

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Returns random rows in which every parameter exists, shape (count, parameters)."""
        rows = np.empty((count, len(self.names)))
        for column, distribution in enumerate(self.distributions.values()):
            if self.choices[column]:
                rows[:, column] = rng.integers(self.choices[column], size=count)
            else:
                below, above = _margins(distribution)
                rows[:, column] = rng.uniform(-below, 1 + above, count)
        return self.snap(rows)

    def snap(self, rows: np.ndarray) -> np.ndarray:
        """Moves numbers to the nearest ones that may be tried; rows as of ``draw``."""
        columns = [
            column if self.choices[j] else _positions(distribution, _numbers(distribution, column))
            for j, (distribution, column) in enumerate(
                zip(self.distributions.values(), rows.T, strict=True)
            )
        ]
        return np.column_stack(columns)

    def features(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns what distances between points are taken of.

        A number is a column. Where points lack it, those stand in the middle and apart: at 0.5 on
        a further axis. A category is a column for each choice, so that any two are at distance 1.

        Args:
            rows: Shape (points, parameters).

        Returns:
            Shape (points, features), and which parameter each feature is of, shape (features,).
        """
        columns, owners = [], []
        for j, count in enumerate(self.choices):
            column = rows[:, j]
            if count:
                new = [(column == choice) / np.sqrt(2) for choice in range(count)]
            else:
                absent = np.isnan(column)
                new = [np.where(absent, 0.5, column), np.where(absent, ABSENT, 0.0)]
            columns += new
            owners += [j] * len(new)
        return np.column_stack(columns), np.array(owners)


def _positions(distribution: BaseDistribution, numbers: np.ndarray) -> np.ndarray:
    if isinstance(distribution, CategoricalDistribution):
        return numbers
    low, high = _ends(distribution)
    scaled = np.log(numbers) if _is_log(distribution) else numbers
    return np.clip((scaled - low) / (high - low), 0, 1)


def _value(distribution: BaseDistribution, position: float) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.to_external_repr(int(position))
    return distribution.to_external_repr(float(_numbers(distribution, np.array([position]))[0]))


def _numbers(distribution: BaseDistribution, positions: np.ndarray) -> np.ndarray:
    """The numbers at positions, of those that may be tried; NaN stays."""
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = _ends(distribution)
    numbers = low + positions * (high - low)
    if _is_log(distribution):
        numbers = np.exp(numbers)
    if distribution.step is not None:
        steps = np.round((numbers - distribution.low) / distribution.step)
        numbers = distribution.low + steps * distribution.step
    return np.clip(numbers, distribution.low, distribution.high)


def _ends(distribution: BaseDistribution) -> tuple[float, float]:
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = float(distribution.low), float(distribution.high)
    return (float(np.log(low)), float(np.log(high))) if distribution.log else (low, high)


def _is_log(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, FloatDistribution | IntDistribution) and distribution.log


def _margins(distribution: BaseDistribution) -> tuple[float, float]:
    """How far draws reach over both ends, so that the outer steps are as likely as the others."""
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if distribution.step is None:
        return 0.0, 0.0
    low, high = _ends(distribution)
    half = distribution.step / 2
    if distribution.log:
        below = low - np.log(distribution.low - half)
        above = np.log(distribution.high + half) - high
    else:
        below = above = half
    return float(below / (high - low)), float(above / (high - low))
