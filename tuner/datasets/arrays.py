"""What every loader hands over: raw arrays, and which part each row belongs to if that is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError
from tuner.errors import did_you_mean

PARTS = ("train", "validation", "test")

# The names of the arrays of each part; those with a suffix are the ones Keras's own sets use.
_WHOLE = ("x", "y")
_BY_PART = {
    "train": ("x_train", "y_train"),
    "validation": ("x_val", "y_val"),
    "test": ("x_test", "y_test"),
}
_PAIRS = (*_WHOLE, *(name for pair in _BY_PART.values() for name in pair))
_WEIGHTS = {x_name: x_name.replace("x", "w", 1) for x_name in _PAIRS if x_name[0] == "x"}
TARGET_NAMES = "y_names"  # of the columns of y
GROUP, TIME = "group", "time"  # of each training row, whether all rows are or not
NAMES = (*_PAIRS, *_WEIGHTS.values(), TARGET_NAMES, GROUP, TIME)
FORMS = "x and y, or x_train, y_train and optionally x_val, y_val, x_test, y_test"


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Features and targets of the same rows, as the source holds them.

    Attributes:
        x: Features, ``(rows, *shape)``; or columns of several kinds, see
            ``tuner.datasets.encoding``; or several inputs, see ``tuner.datasets.several``, which
            sources may give as a dict of arrays.
        y: Targets, ``(rows,)`` or ``(rows, units)``: numbers, booleans or text; or those of several
            outputs, see ``tuner.datasets.heads``, which sources may give as a dict of arrays.
        weights: How much each row counts, numbers ``(rows,)``; None where all count the same.
        blocks: Position of each row's group, or of its time among all times, int64 ``(rows,)``;
            None where rows are divided one by one. See ``tuner.datasets.blocks``.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any] | None = None
    blocks: NDArray[Any] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """A whole data set before it is checked, divided and scaled.

    Attributes:
        parts: The rows under ``train``, from which ``validation`` and ``test`` are cut unless
            the source brings them under these names.
        same_unit: Whether all values of a row are measured in one unit, as pixels are.
        vocabulary: Where rows hold the numbers of words, how many there are; 0 stands for none.
        columns: Names of the features, where rows have a single axis and the source names it.
        targets: Names of several targets, where the source has them.
        by_time: Whether the blocks of the training rows are times, of which the latest test; else
            they are groups.
    """

    parts: Mapping[str, Rows]
    same_unit: bool = False
    vocabulary: int | None = None
    columns: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    by_time: bool = False

    def taught_by_rows(self) -> Arrays:
        """Returns the same rows as targets of their own, flattened to ``(rows, values)``."""
        parts = {
            part: dataclasses.replace(rows, y=rows.x.reshape(len(rows.x), -1))
            for part, rows in self.parts.items()
        }
        return dataclasses.replace(self, parts=parts, targets=None)


def from_names(named: Mapping[str, Any], source: str) -> Arrays:
    """Returns the data set whose arrays carry Keras's names; other names are left alone.

    Args:
        named: Arrays by name.
        source: Where they come from, for messages.

    Raises:
        DataError: Neither form of names is complete, or both are there; or so are both groups and
            times, or there is not one for each row.
    """
    found = [name for name in _PAIRS if name in named]
    whole = any(name in found for name in _WHOLE)
    if whole and any(name not in _WHOLE for name in found):
        raise DataError(
            f"{source}: expected {FORMS}. Received both: {', '.join(found)}: keep one form."
        )
    pairs = {"train": _WHOLE} if whole else _given_pairs(found)
    for pair in pairs.values():
        _require(pair, found, named, source)
    names = named.get(TARGET_NAMES)
    parts = {
        part: Rows(x=named[x_name], y=named[y_name], weights=named.get(_WEIGHTS[x_name]))
        for part, (x_name, y_name) in pairs.items()
    }
    parts["train"] = dataclasses.replace(parts["train"], blocks=_blocks(named, parts, source))
    return Arrays(
        targets=None if names is None else tuple(map(str, np.ravel(names))),
        parts=parts,
        by_time=named.get(TIME) is not None,
    )


def _blocks(
    named: Mapping[str, Any], parts: Mapping[str, Rows], source: str
) -> NDArray[np.int64] | None:
    """The position of each training row's group, or of its time, among all that there are."""
    given = [name for name in (GROUP, TIME) if named.get(name) is not None]
    if not given:
        return None
    if len(given) > 1:
        raise DataError(
            f"{source}: expected {GROUP} or {TIME}. Received both: leave one of them out."
        )
    y = parts["train"].y
    first = next(iter(y.values()), ()) if isinstance(y, Mapping) else y
    values, rows = np.asarray(named[given[0]]), len(first)
    values = values[:, 0] if values.shape == (rows, 1) else values
    if values.shape != (rows,) or values.dtype.kind not in "buifUM":
        raise DataError(
            f"{source}: expected a number, a text or a date as the {given[0]} of each of {rows} "
            f"training rows. Received: {values.dtype} of shape {values.shape}."
        )
    if (values != values).any():  # NaN and NaT alone differ from themselves
        raise DataError(
            f"{source}: expected a {given[0]} for every row. Received: none in row "
            f"{int((values != values).argmax())} (counted from 0)."
        )
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _given_pairs(found: list[str]) -> dict[str, tuple[str, str]]:
    return {
        part: pair
        for part, pair in _BY_PART.items()
        if part == "train" or any(name in found for name in pair)
    }


def _require(
    pair: tuple[str, str], found: list[str], named: Mapping[str, Any], source: str
) -> None:
    missing = [name for name in pair if name not in found]
    if not missing:
        return
    if not found:
        received = ", ".join(sorted(named)) or "nothing"
        hint = did_you_mean(next(iter(named), ""), NAMES)
        raise DataError(f"{source}: expected arrays {FORMS}. Received: {received}.{hint}")
    raise DataError(
        f"{source}: expected arrays {FORMS}. Received: {', '.join(found)}: "
        f"add {' and '.join(missing)}."
    )
