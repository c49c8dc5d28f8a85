"""Stratified split of multi-label rows: every part gets its share of each label.

Iterative stratification: Sechidis, Tsoumakas, Vlahavas, On the Stratification of Multi-Label Data,
ECML PKDD 2011. The rarest label among the remaining rows is assigned first, each of its rows to the
part that lacks most of that label: common labels can still be balanced later, rare ones cannot.
Sizes of parts are exact, as in ``tuner.datasets.split.random_split``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError
from tuner.datasets.split.random_split import Indices, part_sizes


def split(flags: NDArray[Any], fractions: Mapping[str, float], *, seed: int) -> dict[str, Indices]:
    """Returns the rows of ``train`` and of each part in ``fractions``, in ascending order.

    Args:
        flags: 1 where a row has a label, else 0, ``(rows, labels)``.
        fractions: Part to fraction of the rows; together below 1.
        seed: Decides which row goes where.

    Raises:
        DataError: A part would be empty.
    """
    if not fractions:
        return {"train": np.arange(len(flags))}
    sizes = part_sizes(len(flags), fractions)
    parts = deal(flags, list(sizes.values()), seed=seed)
    return {name: np.flatnonzero(parts == i) for i, name in enumerate(sizes)}


def fold(
    rows: Indices, flags: NDArray[Any], *, folds: int, fold: int, seed: int
) -> dict[str, Indices]:
    """Returns the rows of ``train`` and ``validation`` in one fold, ascending.

    Args:
        rows: All that are not of the test part.
        flags: Of these rows, ``(rows, labels)``.
        folds: How many there are, 2 or more.
        fold: Which one validates, from 0.
        seed: Decides which row goes where.

    Raises:
        DataError: There are fewer rows than folds.
    """
    if len(rows) < folds:
        raise DataError(
            f"Expected at least {folds} rows that are not of the test part for --folds {folds}. "
            f"Received: {len(rows)}."
        )
    sizes = [len(piece) for piece in np.array_split(rows, folds)]
    validates = deal(flags, sizes, seed=seed) == fold
    return {"train": rows[~validates], "validation": rows[validates]}


def deal(flags: NDArray[Any], sizes: Sequence[int], *, seed: int) -> NDArray[np.int64]:
    """Returns the position in ``sizes`` of each row's part, int64 ``(rows,)``.

    Args:
        flags: 1 where a row has a label, else 0, ``(rows, labels)``.
        sizes: Rows of each part; together as many as there are.
        seed: Decides which row goes where.
    """
    random, has = np.random.default_rng(seed), flags.astype(bool)
    left = list(sizes)  # c_j: rows that each part lacks
    wanted = np.outer(has.sum(axis=0), np.array(sizes) / len(has)).tolist()  # c_j^i: of each label
    parts = np.full(len(has), -1)
    order = random.permutation(len(has))
    while len(order := order[parts[order] < 0]):
        counts = has[order].sum(axis=0)
        if not counts.any():
            break  # only rows without labels remain
        # Labels without remaining rows must not be the minimum.
        rarest = int(np.where(counts > 0, counts, len(has) + 1).argmin())
        for row in order[has[order, rarest]]:
            parts[row] = part = _neediest(wanted[rarest], left)
            left[part] -= 1
            for label in np.flatnonzero(has[row]):
                wanted[label][part] -= 1
    parts[order] = np.repeat(np.arange(len(sizes)), left)  # rows without any label
    return parts


def _neediest(wanted: Sequence[float], left: Sequence[int]) -> int:
    """The part that lacks most rows of a label; ties go to the one that lacks most rows."""
    return max((i for i, room in enumerate(left) if room), key=lambda i: (wanted[i], left[i]))
