"""Dividing rows in whole blocks: groups that stay together, or moments, of which the latest test.

A model that saw one picture of a patient knows the others; a model that saw tomorrow knows today.
Parts then have about the sizes asked for, as blocks allow; classes are not kept in proportion, but
each must be among the training rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError
from tuner.datasets.split.random_split import Indices, part_sizes
from tuner.errors import quoted

LATEST_LAST = ("train", "validation", "test")


def split_by_time(times: NDArray[np.int64], fractions: Mapping[str, float]) -> dict[str, Indices]:
    """Returns the rows of ``train`` and of each part in ``fractions``, ascending.

    Of two parts the one that comes later in ``LATEST_LAST`` has the later rows. Rows of one time
    stay together, in the later part.

    Args:
        times: The time of each row; only their order counts.
        fractions: Part to fraction of the rows; together below 1.

    Raises:
        DataError: A part would be empty.
    """
    sizes = part_sizes(len(times), fractions)
    order = np.sort(times)
    end, upper, parts = len(times), np.inf, {}
    for part in reversed(LATEST_LAST):
        if part not in sizes:
            continue
        end -= sizes[part]
        first = order[end] if end > 0 else -np.inf
        parts[part] = np.flatnonzero((times >= first) & (times < upper))
        upper = first
        end = int(np.searchsorted(order, first))
    _check_parts(parts, "different times")
    return {part: parts[part] for part in sizes}


def split_by_group(
    groups: NDArray[np.int64], fractions: Mapping[str, float], *, seed: int
) -> dict[str, Indices]:
    """Returns the rows of ``train`` and of each part in ``fractions``, ascending.

    Groups go one by one, the largest first, those of one size in random order, to the part that
    lacks most rows (the greedy rule of Graham 1969 for unequal machines); a part's size is off by
    at most the rows of the largest group or so.

    Args:
        groups: The group of each row, 0 to G-1.
        fractions: Part to fraction of the rows; together below 1.

    Raises:
        DataError: There are fewer groups than parts.
    """
    sizes = part_sizes(len(groups), fractions)
    rows = np.bincount(groups)
    lacking, held = np.array(list(sizes.values())), np.zeros(len(sizes), int)
    shuffled = np.random.default_rng(seed).permutation(len(rows))
    order = shuffled[np.argsort(-rows[shuffled], kind="stable")]
    part_of = np.empty(len(rows), int)
    for left, group in zip(range(len(rows), 0, -1), order, strict=True):
        # As many groups as empty parts are left: each of these gets one.
        needy = (held == 0) if left <= (held == 0).sum() else np.ones(len(held), bool)
        part = int(np.where(needy, lacking, -len(groups)).argmax())
        part_of[group] = part
        lacking[part] -= rows[group]
        held[part] += 1
    parts = {part: np.flatnonzero(part_of[groups] == i) for i, part in enumerate(sizes)}
    _check_parts(parts, "groups")
    return parts


def check_training_part(labels: NDArray[Any], classes: Sequence[Any]) -> None:
    """Raises DataError unless every class, 0 to K-1, is among the labels of the training rows."""
    absent = np.flatnonzero(np.bincount(labels, minlength=len(classes)) == 0)
    if len(absent):
        raise DataError(
            "Expected every class in the training part. "
            f"Received: no row of class {quoted(classes[absent[0]])} there, as rows are divided in "
            "blocks: add rows, or leave out --group or --split-by-time."
        )


def _check_parts(parts: Mapping[str, Indices], what: str) -> None:
    empty = [part for part, rows in parts.items() if not len(rows)]
    if empty:
        raise DataError(
            f"Expected {what} for every part. Received: so few that none are left for "
            f"{' and '.join(empty)}: add rows or change the fractions."
        )
