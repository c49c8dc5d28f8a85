"""Tables with columns of more than one kind, as numbers for a model.

Numbers are scaled (see ``tuner.datasets.scaling``), each column on its own; a missing one, where
it may be, counts as the median of the training part and is marked in a column beside it. Categories
become one column each (one-hot), in the order of their names, after one for whatever the training
part did not have. Dates are numbers and places in cycles (``tuner.datasets.dates``), texts weights
of their words (``tuner.datasets.texts``). All of it is fitted on the training part alone, and
shipped inside the model that leaves the project: see ``tuner.datasets.deploy``.

Raw rows are a structured array, ``(rows,)`` with a field for each column: float64 with NaN where a
number is missing, NumPy's text with nothing where a category is, ``datetime64[s]`` with NaT where a
date is, and Python's strings for texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import dates, scaling, texts
from tuner.datasets.dates import Date
from tuner.datasets.errors import DataError
from tuner.datasets.scaling import Floats
from tuner.datasets.several import are_several
from tuner.datasets.texts import Text

UNKNOWN = 1  # columns before those of the categories


@dataclass(frozen=True, kw_only=True)
class Number:
    """A column of numbers.

    Attributes:
        centre: Taken off each value.
        spread: What it is divided by then.
        fill: In place of a missing value; None where none may be missing.
    """

    name: str
    centre: float
    spread: float
    fill: float | None = None

    @property
    def width(self) -> int:
        """Columns that it becomes."""
        return 1 if self.fill is None else 2

    def encode(self, values: NDArray[Any]) -> Floats:
        """Returns ``(rows, width)``: scaled values, and 1 where one was missing."""
        numbers = values.astype(np.float32)
        missing = np.isnan(numbers)
        if self.fill is not None:
            numbers = np.where(missing, np.float32(self.fill), numbers)
        scaled = (numbers - np.float32(self.centre)) / np.float32(self.spread)
        columns = [scaled] if self.fill is None else [scaled, missing.astype(np.float32)]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, kw_only=True)
class Category:
    """A column of text with few different values.

    Attributes:
        vocabulary: Those of the training part, sorted.
    """

    name: str
    vocabulary: tuple[str, ...]

    @property
    def width(self) -> int:
        """Columns that it becomes."""
        return UNKNOWN + len(self.vocabulary)

    def encode(self, values: NDArray[Any]) -> Floats:
        """Returns ``(rows, width)``: 1 in the column of each value, or in the first."""
        known = np.array(self.vocabulary)
        places = np.minimum(np.searchsorted(known, values), len(known) - 1)
        places = np.where(known[places] == values, places + UNKNOWN, 0)
        encoded: Floats = np.eye(self.width, dtype=np.float32)[places]
        return encoded


Column = Number | Category | Date | Text


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """How rows of a table become numbers.

    Attributes:
        columns: In the order of the file.
    """

    columns: tuple[Column, ...]

    @property
    def width(self) -> int:
        """Columns that all of them become."""
        return sum(column.width for column in self.columns)

    def transform(self, rows: NDArray[Any]) -> Floats:
        """Returns float32 ``(rows, width)``."""
        return np.concatenate([c.encode(rows[c.name]) for c in self.columns], axis=1)

    @property
    def kinds(self) -> dict[str, str]:
        """What each column holds: ``number``, ``category``, ``date`` or ``text``."""
        return {column.name: type(column).__name__.lower() for column in self.columns}

    def to_dict(self) -> list[dict[str, Any]]:
        """Returns plain values that JSON can hold."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_dict(cls, values: list[Mapping[str, Any]]) -> Encoder:
        """Returns the encoder that ``to_dict`` wrote."""
        return cls(columns=tuple(map(_from_dict, values)))


def _from_dict(values: Mapping[str, Any]) -> Column:
    known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    if "vocabulary" in known:
        return Category(**known)
    if "earliest" in known:
        return Date(**known)
    return Text(**known) if "words" in known else Number(**known)


def by_column(rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Returns raw rows as a model takes them that leaves the project: by name, ``(rows, 1)``.

    Numbers are float32, all else is text.
    """
    return {name: _raw(rows[name])[:, None] for name in rows.dtype.names or ()}


def _raw(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "M":
        return dates.as_text(values)
    return values.astype(np.float32 if values.dtype.kind == "f" else object)


def is_table(rows: NDArray[Any]) -> bool:
    """Whether rows have columns of more than one kind."""
    return rows.dtype.names is not None and not are_several(rows)


def fit(rows: NDArray[Any], kind: str, *, impute: bool) -> Encoder:
    """Returns the encoder of training rows.

    Args:
        rows: A structured array ``(rows,)``.
        kind: How numbers are scaled, one of ``SCALINGS``.
        impute: Whether numbers and dates may be missing, here or in rows to come.

    Raises:
        DataError: Numbers differ, but by too little; all of a column are missing; or texts have
            no words in common.
    """
    names = rows.dtype.names or ()
    return Encoder(columns=tuple(_fit(name, rows[name], kind, impute=impute) for name in names))


def _fit(name: str, values: NDArray[Any], kind: str, *, impute: bool) -> Column:
    if values.dtype.kind == "U":
        return Category(name=name, vocabulary=tuple(np.unique(values).tolist()))
    if values.dtype.kind == "M":
        return dates.fit(name, values, kind, impute=impute)
    if values.dtype.kind == "O":
        return texts.fit(name, values)
    known = values[~np.isnan(values)]
    if not len(known):
        raise DataError(
            f"Expected a number in column {name!r} of the training part. Received: none: "
            "remove the column."
        )
    fill = float(np.float32(np.median(known))) if impute else None
    scaler = scaling.fit([known[:, None]], kind, same_unit=True, what=f"values in column {name!r}")
    if scaler is None:
        return Number(name=name, centre=0.0, spread=1.0, fill=fill)
    return Number(name=name, centre=float(scaler.centre), spread=float(scaler.spread), fill=fill)
