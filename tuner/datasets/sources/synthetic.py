"""Data that are made up from a seed: small tasks whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.data_spec import DataSpec
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.sources.dataset_facts import DatasetFacts
from tuner.datasets.sources.source import Source, no_file

ROWS = 2000  # unless NAME:N says otherwise
NOISE = 0.1

Pair = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Recipe(DatasetFacts):
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


def read(spec: DataSpec) -> Arrays:
    """Returns as many rows as there are unless the user says otherwise."""
    return read_rows(spec, ROWS)


def read_rows(spec: DataSpec, rows: int) -> Arrays:
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


def _binary(make: Callable[..., Pair], *shape: int, summary: str) -> Recipe:
    return Recipe(make=make, shape=shape, task="binary", classes=2, summary=f"{summary} (made up)")


def _number(make: Callable[..., Pair], *shape: int, summary: str) -> Recipe:
    return Recipe(
        make=make, shape=shape, task="regression", classes=None, summary=f"{summary} (made up)"
    )


SETS = {
    "vector-sum": _binary(
        _vector_sum, 5, summary="five numbers in [0, 1): is their sum above 2.5?"
    ),
    "gaussians": _binary(_gaussians, 2, summary="two clouds of points that overlap a little"),
    "circles": _binary(_circles, 2, summary="points on a circle around another one"),
    "xor": _binary(_xor, 2, summary="do two numbers in [-1, 1) differ in sign?"),
    "spiral": _binary(_spiral, 2, summary="points on two spirals, one in the other"),
    "plane": _number(_plane, 2, summary="the sum of two numbers in [-1, 1), with noise"),
    "sequence-sum": _number(
        _sequence_sum, 20, 1, summary="the sum of twenty numbers, one after another"
    ),
}

SOURCE = Source(
    form="a name such as xor",
    summary="data that are made up from --data-seed",
    accepts=accepts,
    read=read,
    takes_parts=False,
    needs_keras=False,
    sets=SETS,
    read_rows=read_rows,
    files=no_file,
)
