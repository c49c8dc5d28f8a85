"""Encoding of tables with columns of several kinds.

Each number column is scaled (``tuner.datasets.scaling``); with imputation a missing number becomes
the median of the training part, and a second column marks it. Categories are one-hot encoded in
sorted order; the first column is for categories that are not in the training part, and, where there
are many, for all but the most frequent ones. Dates become
days and cyclical features (``tuner.datasets.columns.dates``), texts tf-idf weights
(``tuner.datasets.columns.texts``). All of it is fitted on the training part only and saved inside
the exported model (``tuner.datasets.preprocessing_model``).

``pieces`` of numbers and dates take NumPy or ``keras.ops`` as an argument, so that preparation and
the exported model share one definition.

Raw rows are a structured array ``(rows,)`` with a field for each column: float64 for numbers (NaN
if missing), NumPy text for categories (empty if missing), ``datetime64[s]`` for dates (NaT if
missing), and Python strings for texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import scaling
from tuner.datasets.columns import dates, texts
from tuner.datasets.columns.dates import Date
from tuner.datasets.columns.texts import Text
from tuner.datasets.errors import DataError
from tuner.datasets.multi_input import are_several
from tuner.datasets.scaling import Floats
from tuner.errors import quoted

UNKNOWN = 1  # columns before those of the categories

# What ``pandas.read_csv`` takes for a missing value, so that a model must, too.
MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)


@dataclass(frozen=True, kw_only=True)
class Number:
    """A column of numbers.

    Attributes:
        centre: Taken off each value.
        spread: What it is divided by then.
        fill: In place of a missing value; None where none may be missing.
        dtype: What is computed in; see ``tuner.datasets.scaling``.
    """

    name: str
    centre: float
    spread: float
    fill: float | None = None
    dtype: str = "float64"

    @property
    def width(self) -> int:
        """Columns that it becomes."""
        return 1 if self.fill is None else 2

    def encode(self, values: NDArray[Any]) -> Floats:
        """Returns ``(rows, width)``: scaled values, and 1 where one was missing."""
        return dates.side_by_side(self.pieces(np, values.astype(self.dtype)))

    def pieces(self, ops: Any, numbers: Any) -> list[Any]:
        """Returns each column by itself, in the shape of the numbers.

        Args:
            ops: NumPy, or ``keras.ops`` within a model.
            numbers: Of ``dtype``, NaN where one is missing.
        """
        if self.fill is None:
            return [(numbers - self.centre) / self.spread]
        missing = ops.isnan(numbers)
        numbers = ops.where(missing, self.fill, numbers)
        return [(numbers - self.centre) / self.spread, ops.where(missing, 1.0, 0.0)]


@dataclass(frozen=True, kw_only=True)
class Category:
    """A column of text with few different values.

    Attributes:
        vocabulary: Those of the training part, or the most frequent of them, sorted.
    """

    name: str
    vocabulary: tuple[str, ...]

    @property
    def width(self) -> int:
        """Columns that it becomes."""
        return UNKNOWN + len(self.vocabulary)

    @property
    def spelt_missing(self) -> tuple[str, ...]:
        """Texts that mean a missing value, like ``""``; none where no training value is missing."""
        if "" not in self.vocabulary:
            return ()
        return tuple(text for text in MISSING if text not in self.vocabulary)

    def encode(self, values: NDArray[Any]) -> Floats:
        """Returns ``(rows, width)``: 1 in the column of each value, or in the first."""
        vocabulary = np.array(self.vocabulary)
        values = np.where(np.isin(values, self.spelt_missing), "", values)
        positions = np.minimum(np.searchsorted(vocabulary, values), len(vocabulary) - 1)
        positions = np.where(vocabulary[positions] == values, positions + UNKNOWN, 0)
        encoded: Floats = np.eye(self.width, dtype=np.float32)[positions]
        return encoded


Column = Number | Category | Date | Text


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """The fitted encoding of a table.

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

    @property
    def vocabularies(self) -> dict[str, tuple[str, ...]]:
        """The categories of each column that holds some, sorted."""
        return {c.name: c.vocabulary for c in self.columns if isinstance(c, Category)}

    def to_dict(self) -> list[dict[str, Any]]:
        """Returns plain values that JSON can hold."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_dict(cls, values: list[Mapping[str, Any]]) -> Encoder:
        """Returns the encoder that ``to_dict`` wrote."""
        return cls(columns=tuple(map(_from_dict, values)))


def _from_dict(values: Mapping[str, Any]) -> Column:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    if "vocabulary" in fields:
        return Category(**fields)
    if "earliest" in fields:
        return Date(**fields)
    return Text(**fields) if "words" in fields else Number(**fields)


def _most_frequent(values: NDArray[Any], most: int | None) -> tuple[str, ...]:
    """So many of the most frequent texts, of those as frequent the first ones, sorted."""
    categories, counts = np.unique(values, return_counts=True)
    if most is None or len(categories) <= most:
        return tuple(categories.tolist())
    chosen = np.sort(np.argsort(-counts, kind="stable")[:most])
    return tuple(categories[chosen].tolist())


def by_column(rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Returns raw rows as the exported model takes them: by column, each ``(rows, 1)``.

    Args:
        rows: Structured array ``(rows,)``.

    Returns:
        Numbers as float64, all other columns as Python strings.
    """
    return {name: _raw(rows[name])[:, None] for name in rows.dtype.names or ()}


def _raw(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "M":
        return dates.as_text(values)
    return values if values.dtype.kind == "f" else values.astype(object)


def is_table(rows: NDArray[Any]) -> bool:
    """Whether rows are a structured array of table columns."""
    return rows.dtype.names is not None and not are_several(rows)


def fit(
    rows: NDArray[Any],
    kind: str,
    *,
    impute: bool,
    exact: bool = True,
    most: Callable[[str], int | None] = lambda _name: None,
) -> Encoder:
    """Returns an encoder fitted to training rows.

    Args:
        rows: A structured array ``(rows,)``.
        kind: How numbers are scaled, one of ``SCALINGS``.
        impute: Whether numbers and dates may be missing, here or in rows to come.
        exact: As ``DataSpec.exact`` says.
        most: Returns how many categories of a column get a column each; None for all.

    Raises:
        DataError: Numbers differ, but by too little; all of a column are missing; or texts have
            no words in common.
    """
    names = rows.dtype.names or ()
    options = {"impute": impute, "exact": exact}
    return Encoder(
        columns=tuple(_fit(name, rows[name], kind, most=most(name), **options) for name in names)
    )


def _fit(
    name: str, values: NDArray[Any], kind: str, *, impute: bool, exact: bool, most: int | None
) -> Column:
    if values.dtype.kind == "U":
        return Category(name=name, vocabulary=_most_frequent(values, most))
    if values.dtype.kind == "M":
        return dates.fit(name, values, kind, impute=impute, exact=exact)
    if values.dtype.kind == "O":
        return texts.fit(name, values)
    present = values[~np.isnan(values)]
    if not len(present):
        raise DataError(
            f"Expected a number in column {quoted(name)} of the training part. Received: none: "
            "remove the column."
        )
    dtype = scaling.precision(values.dtype, exact=exact)
    fill = float(np.median(present).astype(dtype)) if impute else None
    what = f"values in column {quoted(name)}"
    scaler = scaling.fit([present[:, None]], kind, same_unit=True, what=what, exact=exact)
    return Number(
        name=name,
        centre=0.0 if scaler is None else float(scaler.centre),
        spread=1.0 if scaler is None else float(scaler.spread),
        fill=fill,
        dtype=dtype,
    )
