"""Data that are made up from a seed: small tasks whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.arrays import Arrays, Rows
from tuner.datasets.facts import Facts
from tuner.datasets.spec import DataSpec

FORM = "a name such as xor"
SUMMARY = "data that are made up from --data-seed"
TAKES_TARGET = False

ROWS = 2000  # unless NAME:N says otherwise
NOISE = 0.1

Pair = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Recipe(Facts):
    """How rows are made.

    Attributes:
        make: Takes a generator and a number of rows; gives features and targets.
        rows: How many there are unless the user says otherwise.
    """

    make: Callable[[np.random.Generator, int], Pair]
    rows: int = ROWS


def accepts(source: str) -> bool:
    """Whether the source is one of the names in ``SETS``."""
    return source in SETS


def read(spec: DataSpec, rows: int = ROWS) -> Arrays:
    """Returns so many rows under ``train``, the same for the same ``spec.seed``."""
    generator = np.random.default_rng([spec.seed, *spec.source.encode()])
    x, y = SETS[spec.source].make(generator, rows)
    return Arrays(parts={"train": Rows(x=x, y=y)})


def _vector_sum(generator: np.random.Generator, rows: int) -> Pair:
    x = generator.random((rows, 5))
    return x, (x.sum(axis=1) > 2.5).astype(int)


def _gaussians(generator: np.random.Generator, rows: int) -> Pair:
    y = generator.integers(0, 2, rows)
    return generator.normal(size=(rows, 2)) + np.where(y[:, None] == 1, 1.5, -1.5), y


def _circles(generator: np.random.Generator, rows: int) -> Pair:
    y = generator.integers(0, 2, rows)
    angle = generator.uniform(0, 2 * np.pi, rows)
    radius = np.where(y == 1, 1.0, 2.0) + generator.normal(0, NOISE, rows)
    return _polar(radius, angle), y


def _xor(generator: np.random.Generator, rows: int) -> Pair:
    x = generator.uniform(-1, 1, (rows, 2))
    return x, (x[:, 0] * x[:, 1] < 0).astype(int)


def _spiral(generator: np.random.Generator, rows: int) -> Pair:
    y = generator.integers(0, 2, rows)
    length = generator.random(rows)
    x = _polar(0.2 + length, 3 * np.pi * length + np.pi * y)
    return x + generator.normal(0, NOISE / 4, (rows, 2)), y


def _plane(generator: np.random.Generator, rows: int) -> Pair:
    x = generator.uniform(-1, 1, (rows, 2))
    return x, x.sum(axis=1) + generator.normal(0, NOISE, rows)


def _sequence_sum(generator: np.random.Generator, rows: int) -> Pair:
    x = generator.uniform(-1, 1, (rows, 20, 1))
    return x, x.sum(axis=(1, 2))


def _polar(radius: NDArray[Any], angle: NDArray[Any]) -> NDArray[Any]:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


SETS = {
    "vector-sum": Recipe(
        make=_vector_sum,
        shape=(5,),
        task="binary",
        classes=2,
        summary="five numbers in [0, 1): is their sum above 2.5? (made up)",
    ),
    "gaussians": Recipe(
        make=_gaussians,
        shape=(2,),
        task="binary",
        classes=2,
        summary="two clouds of points that overlap a little (made up)",
    ),
    "circles": Recipe(
        make=_circles,
        shape=(2,),
        task="binary",
        classes=2,
        summary="points on a circle around another one (made up)",
    ),
    "xor": Recipe(
        make=_xor,
        shape=(2,),
        task="binary",
        classes=2,
        summary="do two numbers in [-1, 1) differ in sign? (made up)",
    ),
    "spiral": Recipe(
        make=_spiral,
        shape=(2,),
        task="binary",
        classes=2,
        summary="points on two spirals, one in the other (made up)",
    ),
    "plane": Recipe(
        make=_plane,
        shape=(2,),
        task="regression",
        classes=None,
        summary="the sum of two numbers in [-1, 1), with noise (made up)",
    ),
    "sequence-sum": Recipe(
        make=_sequence_sum,
        shape=(20, 1),
        task="regression",
        classes=None,
        summary="the sum of twenty numbers, one after another (made up)",
    ),
}
