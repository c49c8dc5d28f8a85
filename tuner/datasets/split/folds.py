"""Cross-validation: each row outside the test part is in one validation fold.

The splitters are scikit-learn's; see Stone, Cross-Validatory Choice and Assessment of Statistical
Predictions, 1974.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError
from tuner.datasets.split.random_split import Indices


def cut(
    rows: Indices,
    *,
    folds: int,
    fold: int,
    seed: int,
    labels: NDArray[Any] | None = None,
    groups: NDArray[Any] | None = None,
) -> dict[str, Indices]:
    """Returns the rows of ``train`` and ``validation`` in one fold, ascending.

    Args:
        rows: Indices of all rows outside the test part, ``(rows,)``.
        folds: Number of folds, 2 or more.
        fold: The validation fold, from 0.
        seed: Of the shuffle; folds of groups depend on their sizes only.
        labels: Class of each row; each fold then has the classes in proportion.
        groups: Group of each row, which stays together; classes are then not in proportion.

    Raises:
        DataError: There are fewer rows, rows of a class, or groups than folds.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

    _check(rows, folds, labels, groups)
    if groups is not None:
        splits = GroupKFold(folds).split(rows, groups=groups)
    elif labels is not None:
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, labels)
    else:
        splits = KFold(folds, shuffle=True, random_state=seed).split(rows)
    train, validation = list(splits)[fold]
    return {"train": rows[train], "validation": rows[validation]}


def _check(
    rows: Indices, folds: int, labels: NDArray[Any] | None, groups: NDArray[Any] | None
) -> None:
    what, number = "rows that are not of the test part", len(rows)
    if groups is not None:
        what, number = "groups", len(np.unique(groups))
    elif labels is not None:
        what, number = "rows of each class", int(np.bincount(labels)[np.unique(labels)].min())
    if number < folds:
        raise DataError(
            f"Expected at least {folds} {what} for --folds {folds}. Received: {number}."
        )


def chain(
    rows: Indices,
    times: NDArray[np.int64],
    *,
    folds: int,
    fold: int,
    longest: int | None = None,
) -> dict[str, Indices]:
    """Returns the rows of ``train`` and ``validation`` in one fold of forward chaining, ascending.

    Each fold validates on the rows that come next after all that it trains on, as scikit-learn's
    ``TimeSeriesSplit``; rows of one time stay together. The last one ends with the last row.
    Training parts grow from fold to fold, or slide along with ``longest``.

    Args:
        rows: Indices of all rows outside the test part, ``(rows,)``.
        times: The time of each; only their order counts.
        folds: Number of folds, 2 or more.
        fold: Which one, from 0.
        longest: The most rows to train on, the latest of them, as ``max_train_size``; None for
            all that come before.

    Raises:
        DataError: There are fewer different times than folds need, or more rows of one time than
            the longest training part has.
    """
    size, order = len(rows) // (folds + 1), np.sort(times)
    limits = [order[len(rows) - (folds - i) * size] if size else 0 for i in range(folds)]
    limits = [*limits, order[-1] + 1]
    if order[0] == limits[0] or len(set(limits)) < len(limits):
        raise DataError(
            f"Expected different times for --folds {folds}, one after another. Received: too few: "
            "take fewer folds."
        )
    validates = (times >= limits[fold]) & (times < limits[fold + 1])
    before = times < limits[fold]
    if longest is not None and before.sum() > longest:
        first = np.sort(times[before])[-longest]
        whole = (times[before] >= first).sum() == longest  # all rows of the earliest time
        before &= times >= first if whole else times > first
    if not before.any():
        raise DataError(
            f"Expected --max-train-rows with room for all rows of one time. Received: {longest}: "
            "take more."
        )
    return {"train": rows[before], "validation": rows[validates]}
