"""Dividing rows into parts: seeded, of exact sizes, and with the classes in proportion.

Each row goes to exactly one part. A part of fraction ``f`` holds ``round(f * rows)`` rows and the
training part the rest. Of a class with ``k`` rows each part holds its exact share ``k * part /
rows`` rounded up or down, so never a whole row more or less than one from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError
from tuner.errors import quoted

Indices = NDArray[np.int64]

# One row of a class is learnt from and another one tells whether it was learnt.
SMALLEST_CLASS = 2


def split(
    rows: int,
    fractions: Mapping[str, float],
    *,
    seed: int,
    labels: NDArray[np.int32] | None = None,
    classes: Sequence[Any] = (),
) -> dict[str, Indices]:
    """Returns the rows of ``train`` and of each part in ``fractions``, in ascending order.

    Args:
        rows: Number of rows to divide.
        fractions: Part to fraction of the rows; together below 1.
        seed: Decides which row goes where.
        labels: Class of each row, 0 to K-1; None where there are no classes.
        classes: The K names of the classes, for messages.

    Raises:
        DataError: A part would be empty, a class has fewer than ``SMALLEST_CLASS`` rows, or the
            training part would miss a class.
    """
    if not fractions:
        return {"train": np.arange(rows)}
    sizes = part_sizes(rows, fractions)
    groups = np.zeros(rows, dtype=np.int32) if labels is None else labels
    group_sizes = np.bincount(groups)
    if labels is not None:
        _check_class_sizes(group_sizes, classes)
    shares = allocate(group_sizes, np.array(list(sizes.values())))
    if labels is not None:
        _check_training_part(shares[:, 0], classes)
    return dict(zip(sizes, _assign_rows(groups, shares, seed), strict=True))


def part_sizes(rows: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """Returns the number of rows of ``train`` and of each part in ``fractions``.

    Raises:
        DataError: A part would be empty.
    """
    sizes = {part: round(fraction * rows) for part, fraction in fractions.items()}
    sizes = {"train": rows - sum(sizes.values()), **sizes}
    empty = [part for part, size in sizes.items() if size < 1]
    if empty:
        wanted = ", ".join(f"{part} {fraction:g}" for part, fraction in fractions.items())
        raise DataError(
            f"Expected enough rows for every part ({wanted}). "
            f"Received: {rows} rows, which leave none for {' and '.join(empty)}: "
            "add rows or change the fractions."
        )
    return sizes


def allocate(group_sizes: NDArray[Any], sizes: NDArray[Any]) -> NDArray[np.int64]:
    """Returns how many rows of each group go to each part, ``(groups, parts)``.

    Both sums are exact. Shares are rounded down first; then every group in turn gives its left
    over rows, one each, to the parts that still lack most. That this always comes out even is
    the theorem of Gale and Ryser on matrices of 0 and 1 with given row and column sums.
    """
    products = np.outer(group_sizes, sizes)
    total = int(sizes.sum())
    shares = products // total
    remainders = products % total
    left_over = group_sizes - shares.sum(axis=1)
    lacking = sizes - shares.sum(axis=0)
    for group, count in enumerate(left_over):
        # Of parts that lack equally many, the one that lost most by rounding comes first.
        order = np.lexsort((-remainders[group], -lacking))
        shares[group, order[:count]] += 1
        lacking[order[:count]] -= 1
    return shares


def _assign_rows(groups: NDArray[np.int32], shares: NDArray[np.int64], seed: int) -> list[Indices]:
    """Returns the rows of each part: each group is shuffled, then cut by its row of ``shares``."""
    shuffled = np.random.default_rng(seed).permutation(len(groups))
    by_group = shuffled[np.argsort(groups[shuffled], kind="stable")]
    # Group after group, and within a group part after part: the order of `shares` read by rows.
    pieces = np.split(by_group, np.cumsum(shares.ravel())[:-1])
    parts = shares.shape[1]
    return [np.sort(np.concatenate(pieces[part::parts])) for part in range(parts)]


def _check_class_sizes(sizes: NDArray[Any], classes: Sequence[Any]) -> None:
    small = np.flatnonzero(sizes < SMALLEST_CLASS)
    if len(small):
        first = small[0]
        raise DataError(
            f"Expected at least {SMALLEST_CLASS} rows of every class. "
            f"Received: {sizes[first]} of class {quoted(classes[first])} ({len(small)} such "
            "class(es)): add rows, merge classes, or give the task regression if the targets are "
            "measures."
        )


def _check_training_part(counts: NDArray[Any], classes: Sequence[Any]) -> None:
    absent = np.flatnonzero(counts == 0)
    if len(absent):
        raise DataError(
            "Expected every class in the training part. "
            f"Received: no row of class {quoted(classes[absent[0]])}: lower the fractions of the "
            "other parts or add rows of it."
        )
