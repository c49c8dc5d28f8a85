"""Training rows in other numbers, so that every class has as many: ``--set resampling=...``.

- ``over``: rows of smaller classes are drawn again until each has as many as the largest.
- ``under``: of larger classes as many rows are drawn as the smallest has.
- ``smote``: new rows of smaller classes lie at random between a row and one of its nearest
  neighbours of its class (Chawla et al., SMOTE: Synthetic Minority Over-sampling Technique, 2002).

Rows that validate or test are never changed. What is drawn follows from the seed of the data.
"""

from __future__ import annotations

import dataclasses
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.shapes import shown_task
from tuner.datasets import sample_weights, target_axes
from tuner.datasets.chunks import Allocate, Chunks, in_memory, join
from tuner.datasets.columns.encoding import Number
from tuner.datasets.data_spec import RESAMPLING, UNCHANGED, DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.prepared_data import Data, Part
from tuner.errors import quoted, shorten

NEIGHBOURS = 5  # k of the paper; fewer where a class has fewer rows


def resample(data: Data, spec: DataSpec, allocate: Allocate = in_memory) -> Data:
    """Returns data whose training rows are drawn as the spec asks, as they are where it does not.

    Weights of classes that the spec gives are those of the rows that are drawn.

    Args:
        data: Prepared, with the rows of the source.
        spec: Its source; ``preparation["resampling"]`` is what is asked.
        allocate: As for ``tuner.datasets.preparation.load``.

    Raises:
        DataError: There are no classes, rows have weights, or none can lie between them.
    """
    asked = spec.preparation.get(RESAMPLING, UNCHANGED)
    if asked == UNCHANGED:
        return data
    _check(data, spec, asked)
    draw = {"over": _over, "under": _under, "smote": _smote}[asked]
    train = draw(data.train, np.random.default_rng(spec.seed), allocate)
    data = dataclasses.replace(data, train=train, class_weights=None)
    if spec.class_weights is None:
        return data
    return sample_weights.weigh(data, spec.class_weights, spec)


def notes(data: Data, asked: str) -> tuple[str, ...]:
    """Returns what a user should know of rows that are drawn, one line each.

    Args:
        data: Of any combination.
        asked: ``smote`` or another one.
    """
    columns = () if data.encoder is None else data.encoder.columns
    mixed = [column.name for column in columns if not isinstance(column, Number)]
    if asked != "smote" or not mixed:
        return ()
    named = ", ".join(quoted(name, 24) for name in mixed[:3])
    return (
        f"{RESAMPLING}=smote takes what columns such as {named} are encoded as for numbers: new "
        "rows lie between their values. over draws rows as they are.",
    )


def _check(data: Data, spec: DataSpec, asked: str) -> None:
    source, option = shorten(spec.source, 60), f"--set {RESAMPLING}={asked}"
    if data.classes is None or data.heads is not None or data.outputs.axes:
        task = "several outputs" if data.heads else f"the task {shown_task(data.outputs.task)}"
        if data.outputs.axes:
            task = f"one for each of {target_axes.shown_axes(data.outputs.axes)}"
        raise DataError(
            f"{source}: expected classes of a single target for {option}. Received: {task}: leave "
            "it out."
        )
    if data.selections["train"].rows.weights is not None:
        raise DataError(
            f"{source}: expected rows that all count the same with {option}. Received: weights of "
            "rows, which new rows have none of: leave one of them out."
        )
    if asked != "smote":
        return
    is_of_numbers = data.inputs.shapes is None and data.inputs.vocabulary is None
    if not is_of_numbers or len(data.inputs.shape) != 1:
        raise DataError(
            f"{source}: expected rows of columns for {option}. Received: rows of another kind: "
            "take over or under."
        )
    counts = np.bincount(data.train.y)
    if counts.min() < 2 and counts.max() > counts.min():
        raise DataError(
            f"{source}: expected 2 training rows or more of every class for {option}. Received: "
            f"{counts.min()} of class {quoted(data.classes[int(counts.argmin())])}: add rows, or "
            "take over."
        )


def _over(part: Part, random: np.random.Generator, allocate: Allocate) -> Part:
    more = [
        random.choice(rows, lacking, replace=True) for rows, lacking in _lacking(part.y) if lacking
    ]
    return _take(part, np.concatenate([np.arange(len(part)), *more]), allocate)


def _under(part: Part, random: np.random.Generator, allocate: Allocate) -> Part:
    fewest = np.bincount(part.y).min()
    drawn = [random.choice(rows, fewest, replace=False) for rows, _ in _lacking(part.y)]
    return _take(part, np.sort(np.concatenate(drawn)), allocate)


def _smote(part: Part, random: np.random.Generator, allocate: Allocate) -> Part:
    more, labels = [], []
    for rows, lacking in _lacking(part.y):
        if lacking:
            more.append(_between(np.asarray(part.x[rows]), lacking, random))
            labels.append(np.repeat(part.y[rows[:1]], lacking))
    y = np.concatenate([part.y, *labels])
    pieces = chain(Chunks(part.x, np.arange(len(part))), more)
    return Part(x=join(pieces, (len(y), *part.x.shape[1:]), allocate), y=y)


def _between(x: NDArray[Any], count: int, random: np.random.Generator) -> NDArray[Any]:
    """Returns new rows between rows of one class and their neighbours, ``(count, columns)``."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(x) - 1)).fit(x)
    neighbours = search.kneighbors(return_distance=False)
    row = random.integers(len(x), size=count)
    other = neighbours[row, random.integers(neighbours.shape[1], size=count)]
    share = random.random((count, 1), dtype=np.float32)
    return np.asarray(x[row] + share * (x[other] - x[row]))


def _lacking(y: NDArray[Any]) -> list[tuple[NDArray[np.int64], int]]:
    """The rows of each class, and how many it has fewer than the largest one."""
    rows = [np.flatnonzero(y == label) for label in range(int(y.max()) + 1)]
    most = max(map(len, rows))
    return [(of_class, most - len(of_class)) for of_class in rows]


def _take(part: Part, rows: NDArray[np.int64], allocate: Allocate) -> Part:
    chunks = Chunks(part.x, rows)
    return Part(x=join(chunks, chunks.shape, allocate), y=part.y[rows])
