"""Cross-validation: every row but those of the test part validates once.

The splitters are scikit-learn's; see Stone, Cross-Validatory Choice and Assessment of Statistical
Predictions, 1974.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError
from tuner.datasets.split import Indices


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
        rows: All that are not of the test part.
        folds: How many there are, 2 or more.
        fold: Which one validates, from 0.
        seed: Decides which row goes where; groups go by their sizes.
        labels: Class of each row; each fold then has the classes in proportion.
        groups: Group of each row, which stays together; classes are then not in proportion.

    Raises:
        DataError: There are fewer rows, rows of a class, or groups than folds.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

    _check(rows, folds, labels, groups)
    if groups is not None:
        pieces = GroupKFold(folds).split(rows, groups=groups)
    elif labels is not None:
        pieces = StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, labels)
    else:
        pieces = KFold(folds, shuffle=True, random_state=seed).split(rows)
    train, validation = list(pieces)[fold]
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
