"""Columns of a table: what each of them holds, and whether a model can be given it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets import dates, texts
from tuner.datasets.checks import LARGEST
from tuner.datasets.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

NUMBER, CATEGORY, DATE, TEXT = "number", "category", "date", "text"  # kinds of columns

MOST_CATEGORIES = 100  # of a column
_ROWS_PER_CATEGORY = 2  # on average; a text that stands in one row tells nothing of others


def find_kinds(
    frame: pd.DataFrame, source: str, *, missing: bool, text: Collection[str] = ()
) -> dict[str, str]:
    """Returns what each column holds, in the order of the columns.

    Args:
        missing: Whether values may be missing.
        text: Columns that the user calls text.

    Raises:
        DataError: A column holds nothing that a model could be given, or too little of it.
    """
    kinds = {}
    for name in frame.columns:
        if not missing:
            hint = "fill them in, remove these rows, or add --impute"
            check_complete(frame[name], source, hint=hint)
        kinds[str(name)] = _find_kind(frame[name], source, is_text=name in text)
    return kinds


def _find_kind(column: pd.Series, source: str, *, is_text: bool) -> str:
    if column.isna().all():
        raise DataError(
            f"{source}: expected a value in column {str(column.name)!r}. Received: none: "
            "remove the column."
        )
    if is_text:
        _check_text(column, source)
        return TEXT
    if is_numeric(column):
        return NUMBER
    if dates.are_dates(column):
        return DATE
    known = column.dropna().astype(str)
    if 0.5 < known.map(is_number).mean() < 1:  # numbers, some of them mistyped
        check_numeric(column, source)
    count = known.nunique()
    if count <= MOST_CATEGORIES and _ROWS_PER_CATEGORY * count <= len(known):
        return CATEGORY
    if texts.are_texts(known):
        return TEXT
    raise DataError(
        f"{source}: expected numbers, dates, texts, or at most {MOST_CATEGORIES} categories that "
        f"stand in several rows, in every feature column. Received: {known.iloc[0]!r} in column "
        f"{str(column.name)!r} and {count - 1} others in {len(known)} rows, as names and "
        f"identifiers are: remove the column, or take its words with --text {column.name}."
    )


def _check_text(column: pd.Series, source: str) -> None:
    if is_numeric(column) or column.dtype.kind == "M":
        raise DataError(
            f"{source}: expected --text to be a column of text. Received: {str(column.name)!r} "
            f"with {column.dropna().iloc[0]}: leave the option out."
        )


def check_kinds(
    frame: pd.DataFrame, kinds: Mapping[str, str], source: str, *, missing: bool
) -> None:
    """Raises DataError unless the columns of a frame hold what they are known to hold.

    Args:
        missing: Whether values may be missing.
    """
    for name, kind in kinds.items():
        if kind == NUMBER:
            check_numeric(frame[name], source)
        if kind == DATE:
            dates.read(frame[name], source)
        if not missing:
            check_complete(frame[name], source)


def as_rows(
    frame: pd.DataFrame, kinds: Mapping[str, str], source: str, *, mixed: bool
) -> NDArray[Any]:
    """Returns columns as float64 ``(rows, columns)``, or as a structured array ``(rows,)``.

    Args:
        kinds: By name, in the order in which the columns shall come.
        mixed: Whether columns are not all numbers, or values may be missing.

    Raises:
        DataError: A number is infinite or too large.
    """
    for name in (name for name, kind in kinds.items() if kind == NUMBER):
        _check_finite(frame[name], source)
    if not mixed:
        numbers: NDArray[Any] = frame[list(kinds)].to_numpy(dtype=np.float64)
        return numbers
    return structured(frame, kinds, source)


def structured(frame: pd.DataFrame, kinds: Mapping[str, str], source: str) -> NDArray[Any]:
    """Returns columns as a structured array ``(rows,)``; see ``tuner.datasets.encoding``.

    Args:
        kinds: By name, in the order in which the columns shall come.
    """
    columns = {name: _values(frame[name], kind, source) for name, kind in kinds.items()}
    rows = np.empty(len(frame), dtype=[(name, c.dtype) for name, c in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    return rows


def _values(column: pd.Series, kind: str, source: str) -> NDArray[Any]:
    if kind == NUMBER:
        numbers: NDArray[Any] = column.to_numpy(dtype=np.float64)
        return numbers
    if kind == DATE:
        return dates.read(column, source)
    return _texts(column) if kind == TEXT else _texts(column).astype(np.str_)


def _texts(column: pd.Series) -> NDArray[Any]:
    """Python's strings, nothing where a value is missing."""
    if column.dtype.kind == "M":
        return dates.as_text(column.to_numpy())
    present = column.notna()
    texts: NDArray[Any] = column.astype(str).where(present, "").to_numpy(dtype=object)
    return texts


def is_numeric(column: pd.Series) -> bool:
    """Whether a column holds real numbers or truth values."""
    import pandas as pd

    is_complex = pd.api.types.is_complex_dtype(column)
    return bool(pd.api.types.is_numeric_dtype(column) and not is_complex)


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_numeric(column: pd.Series, source: str, *, what: str = "feature column") -> None:
    """Raises DataError unless a column holds numbers."""
    if is_numeric(column):
        return
    text = column.astype(str)[column.notna()]
    first = next((value for value in text if not is_number(value)), "text")
    raise DataError(
        f"{source}: expected numbers in every {what}. "
        f"Received: {first!r} in column {str(column.name)!r}: encode or remove the column."
    )


def check_complete(
    column: pd.Series, source: str, *, hint: str = "fill them in or remove these rows"
) -> None:
    """Raises DataError where a value of a column is missing."""
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"{source}: expected a value in every row. Received: {missing.sum()} missing in "
            f"column {str(column.name)!r}, the first in data row {missing.argmax() + 1}: "
            f"{hint}."
        )


def _check_finite(column: pd.Series, source: str) -> None:
    wrong = (column.abs() > LARGEST).to_numpy()
    if wrong.any():
        raise DataError(
            f"{source}: expected finite numbers up to {LARGEST:g}. Received: "
            f"{column.iloc[wrong.argmax()]} in row {wrong.argmax()} of column "
            f"{str(column.name)!r}: mend or remove it."
        )


def select(
    frame: pd.DataFrame, names: Collection[str], aside: Collection[str], source: str
) -> pd.DataFrame:
    """Returns the columns of these names; those aside may be there and are not looked at.

    Raises:
        DataError: One is missing, or there are others.
    """
    missing = [name for name in names if name not in frame.columns]
    extra = [name for name in frame.columns if name not in names and name not in aside]
    wrong = {"missing": missing, "not known": extra}
    if missing or extra:
        told = "; ".join(f"{what}: {shown(found)}" for what, found in wrong.items() if found)
        raise DataError(
            f"{source}: expected the columns {shown(list(names))}. Received others ({told}): "
            "rename, add or remove columns."
        )
    return frame[list(names)]


def shown(names: list[str], most: int = 8) -> str:
    """Some names, for a message."""
    return ", ".join(map(str, names[:most])) + (", ..." if len(names) > most else "")
