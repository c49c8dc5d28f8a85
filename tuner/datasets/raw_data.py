"""What every loader hands over: raw arrays, and which part each row belongs to if that is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import structured_arrays
from tuner.datasets.array_names import (
    BY_PART,
    COLUMN_NAMES,
    FORMS,
    GROUP,
    NAMES,
    PAIRS,
    TARGET_NAMES,
    TIME,
    WEIGHTS,
    WHOLE,
    by_standard_name,
    note_of_unused,
)
from tuner.datasets.columns.column_names import shown
from tuner.datasets.errors import DataError
from tuner.errors import did_you_mean

if TYPE_CHECKING:
    from tuner.datasets.row_stream import StreamedRows

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Features and targets of the same rows, as the source holds them.

    Attributes:
        x: Features, ``(rows, *shape)``; or columns of several kinds, see
            ``tuner.datasets.columns.encoding``; or several inputs, see
            ``tuner.datasets.multi_input``, which sources may give as a dict of arrays.
        y: Targets, ``(rows,)`` or ``(rows, units)``: numbers, booleans or text; or those of several
            outputs, see ``tuner.datasets.multi_output``, which sources may give as a dict of
            arrays.
        weights: How much each row counts, numbers ``(rows,)``; None where all count the same.
        blocks: Position of each row's group, or of its time among all times, int64 ``(rows,)``;
            None where rows are divided one by one. See ``tuner.datasets.split.group_time``.
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
        columns_of: Of several inputs, those of each that has some.
        targets: Names of several targets, where the source has them.
        by_time: Whether the blocks of the training rows are times, of which the latest test; else
            they are groups.
        dropped: Columns of a table that are no features, as they were asked to be left out, or only
            count the rows.
        notes: What a user should know of how the source was read, one line each.
        windows: Whether rows are windows ``(rows, length, columns)`` with names of their columns,
            each measured in a unit of its own.
        found: What was found of how the source is written, as fields of its ``DataSpec``.
        stream: Where training rows are read anew in every epoch; those of ``parts`` are a sample.
    """

    parts: Mapping[str, Rows]
    same_unit: bool = False
    vocabulary: int | None = None
    columns: tuple[str, ...] | None = None
    columns_of: Mapping[str, tuple[str, ...]] | None = None
    targets: tuple[str, ...] | None = None
    by_time: bool = False
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    windows: bool = False
    found: Mapping[str, Any] = field(default_factory=dict)
    stream: StreamedRows | None = None

    def taught_by_rows(self) -> Arrays:
        """Returns the same rows as targets of their own, flattened to ``(rows, values)``."""
        parts = {
            part: dataclasses.replace(rows, y=rows.x.reshape(len(rows.x), -1))
            for part, rows in self.parts.items()
        }
        return dataclasses.replace(self, parts=parts, targets=None)

    @property
    def named_columns(self) -> NDArray[Any] | None:
        """The names of columns as ``from_names`` takes them back; None where there are none."""
        if self.columns_of:
            fields = {name: np.array([names]) for name, names in self.columns_of.items()}
            return structured_arrays.join_arrays(fields)
        return None if self.columns is None else np.array(self.columns)


def from_names(named: Mapping[str, Any], source: str) -> Arrays:
    """Returns the data set whose arrays carry Keras's names; a note says which others there are.

    Args:
        named: Arrays by name, as ``tuner.datasets.array_names`` spells them.
        source: Where they come from, for messages.

    Raises:
        DataError: Neither form of names is complete, or both are there; or so are both groups and
            times, or there is not one for each row.
    """
    notes = note_of_unused(named)
    given, named = named, by_standard_name(named, source)
    array_names = [name for name in PAIRS if name in named]
    is_single_part = any(name in array_names for name in WHOLE)
    if is_single_part and any(name not in WHOLE for name in array_names):
        raise DataError(
            f"{source}: expected {FORMS}. Received both: {shown(array_names)}: keep one form."
        )
    pairs = {"train": WHOLE} if is_single_part else _given_pairs(array_names)
    for pair in pairs.values():
        _require(pair, array_names, given, source)
    names, columns = named.get(TARGET_NAMES), named.get(COLUMN_NAMES)
    names_of_input = None if columns is None else structured_arrays.by_name(np.asarray(columns))
    parts = {
        part: Rows(x=named[x_name], y=named[y_name], weights=named.get(WEIGHTS[x_name]))
        for part, (x_name, y_name) in pairs.items()
    }
    parts["train"] = dataclasses.replace(parts["train"], blocks=_blocks(named, parts, source))
    return Arrays(
        targets=None if names is None else _texts(names),
        columns=None if columns is None or names_of_input else _texts(columns),
        columns_of={name: _texts(each) for name, each in names_of_input.items()}
        if names_of_input
        else None,
        parts=parts,
        by_time=named.get(TIME) is not None,
        notes=notes,
    )


def _texts(names: Any) -> tuple[str, ...]:
    return tuple(map(str, np.ravel(names)))


def _blocks(
    named: Mapping[str, Any], parts: Mapping[str, Rows], source: str
) -> NDArray[np.int64] | None:
    """The position of each training row's group, or of its time, among all that there are."""
    given_names = [name for name in (GROUP, TIME) if named.get(name) is not None]
    if not given_names:
        return None
    if len(given_names) > 1:
        raise DataError(
            f"{source}: expected {GROUP} or {TIME}. Received both: leave one of them out."
        )
    y = parts["train"].y
    first = next(iter(y.values()), ()) if isinstance(y, Mapping) else y
    values, rows = np.asarray(named[given_names[0]]), len(first)
    values = values[:, 0] if values.shape == (rows, 1) else values
    if values.shape != (rows,) or values.dtype.kind not in "buifUM":
        raise DataError(
            f"{source}: expected a number, a text or a date as the {given_names[0]} of each of "
            f"{rows} training rows. Received: {values.dtype} of shape {values.shape}."
        )
    if (values != values).any():  # NaN and NaT alone differ from themselves
        raise DataError(
            f"{source}: expected a {given_names[0]} for every row. Received: none in row "
            f"{int((values != values).argmax())} (counted from 0)."
        )
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _given_pairs(array_names: list[str]) -> dict[str, tuple[str, str]]:
    return {
        part: pair
        for part, pair in BY_PART.items()
        if part == "train" or any(name in array_names for name in pair)
    }


def _require(
    pair: tuple[str, str], array_names: list[str], named: Mapping[str, Any], source: str
) -> None:
    missing = [name for name in pair if name not in array_names]
    if not missing:
        return
    if not array_names:
        received = shown(sorted(named), 3) or "nothing"
        hint = did_you_mean(next(iter(named), ""), NAMES)
        raise DataError(f"{source}: expected arrays {FORMS}. Received: {received}.{hint}")
    raise DataError(
        f"{source}: expected arrays {FORMS}. Received: {', '.join(array_names)}: "
        f"add {' and '.join(missing)}."
    )
