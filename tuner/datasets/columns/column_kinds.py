"""Columns of a table: what each of them holds, and whether a model can be given it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.checks import LARGEST
from tuner.datasets.columns import dates, number_text, texts
from tuner.datasets.columns.column_names import check_names
from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_labels
from tuner.errors import quoted, shorten

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

NUMBER, CATEGORY, DATE, TEXT = "number", "category", "date", "text"  # kinds of columns

MOST_CATEGORIES = 100  # of a column, with an input each
MOST_ASKED = 1_000  # of one that the user calls so
ROWS_PER_CATEGORY = 2  # on average; a text that stands in one row tells nothing of others
_NAMED = 3  # columns of a message, with a value each


def find_kinds(
    frame: pd.DataFrame,
    source: str,
    *,
    missing: bool,
    text: Collection[str] = (),
    categories: Collection[str] = (),
    lenient: bool = False,
) -> dict[str, str]:
    """Returns what each column holds, in the order of the columns.

    Args:
        frame: A table's columns.
        source: Where they come from, for messages.
        missing: Whether values may be missing.
        text: Columns that the user calls text.
        categories: Columns that the user calls categories.
        lenient: Whether there may be any number of categories.

    Raises:
        DataError: A column holds nothing that a model could be given, or too little of it.
    """
    if not missing:
        check_all_complete(frame, source)
    kinds, mistyped = {}, []
    for name in frame.columns:
        given_kind = CATEGORY if name in categories else TEXT if name in text else None
        if given_kind is None and _are_mistyped_numbers(frame[name]):
            mistyped.append(name)
        else:
            kinds[str(name)] = _find_kind(frame[name], source, given_kind, lenient=lenient)
    if len(mistyped) == 1:
        check_numeric(frame[mistyped[0]], source)
    if mistyped:
        raise _of_several(frame, mistyped, source)
    return kinds


def _of_several(frame: pd.DataFrame, names: list[str], source: str) -> DataError:
    """All columns whose numbers are mistyped, each with the first text that is none."""
    first = {
        name: next(t for t in frame[name].dropna().astype(str) if not is_number(t))
        for name in names
    }
    listed = [f"{quoted(text, 12)} in {quoted(str(name), 16)}" for name, text in first.items()]
    more = f" and {len(names) - _NAMED} more columns" if len(names) > _NAMED else ""
    return DataError(
        f"{source[-60:]}: expected numbers in every feature column. Received: "
        f"{', '.join(listed[:_NAMED])}{more}: correct them, say what is missing with --na-values, "
        "or leave columns out with --drop."
    )


def _are_mistyped_numbers(column: pd.Series) -> bool:
    """Whether most of a column's texts are numbers, but not all."""
    if is_numeric(column) or dates.are_dates(column):
        return False
    return 0.5 < share_of_numbers(column) < 1


def share_of_numbers(column: pd.Series, *, of_people: bool = False) -> float:
    """Returns the share of a column's texts that are numbers; each different one is read once.

    Args:
        column: Texts.
        of_people: Whether those count, too, that only people write so: ``0,5`` or ``$3``.
    """
    is_one = is_number_of_people if of_people else is_number
    counts = column.dropna().astype(str).value_counts()
    numbers = sum(count for text, count in counts.items() if is_one(str(text)))
    return numbers / max(1, counts.sum())


def check_all_complete(frame: pd.DataFrame, source: str) -> None:
    """Raises DataError where a value is missing, with all columns in which one is."""
    counts = frame.isna().sum()
    names = counts[counts > 0].index.tolist()
    hint = "fill them in, remove these rows, or add --impute yes"
    if len(names) == 1:
        check_complete(frame[names[0]], source, hint=hint)
    if names:
        listed = [f"{counts[name]} in {quoted(str(name), 24)}" for name in names]
        more = f" and more in {len(names) - _NAMED} other columns" if len(names) > _NAMED else ""
        raise DataError(
            f"{source[-60:]}: expected a value in every row. Received: missing ones, "
            f"{', '.join(listed[:_NAMED])}{more}: {hint}."
        )


def _find_kind(column: pd.Series, source: str, given_kind: str | None, *, lenient: bool) -> str:
    if column.isna().all():
        raise DataError(
            f"{source}: expected a value in column {quoted(str(column.name))}. Received: none: "
            "remove the column."
        )
    if given_kind == TEXT:
        _check_text(column, source)
        return TEXT
    if given_kind == CATEGORY:
        _check_categories(column, source, most=None if lenient else MOST_ASKED)
        return CATEGORY
    if is_numeric(column):
        return NUMBER
    if dates.are_dates(column):
        return DATE
    present = column.dropna().astype(str)
    count = present.nunique()
    repeats = ROWS_PER_CATEGORY * count <= len(present)
    if count <= MOST_CATEGORIES and repeats:
        check_labels(present.unique().tolist(), "category", source)
        return CATEGORY
    if texts.are_texts(present):
        return TEXT
    if lenient and repeats:
        check_labels(present.unique().tolist(), "category", source)
        return CATEGORY
    if lenient and share_of_numbers(present, of_people=True) > 0.5:
        check_numeric(column, source)
    raise DataError(
        f"{source}: expected numbers, dates, texts, or {_most_categories(lenient=lenient)} in "
        f"every column. Received: {quoted(present.iloc[0])} "
        f"in column {quoted(str(column.name))} and {count - 1} others in {len(present)} rows, as "
        f"identifiers are: remove it, or take its words with --text {shorten(str(column.name))}."
    )


def _most_categories(*, lenient: bool) -> str:
    return "categories" if lenient else f"at most {MOST_CATEGORIES} categories"


def _check_text(column: pd.Series, source: str) -> None:
    if is_numeric(column) or column.dtype.kind == "M":
        raise DataError(
            f"{source}: expected --text to be a column of text. "
            f"Received: {quoted(str(column.name))} with {column.dropna().iloc[0]}: "
            "omit the option."
        )


def _check_categories(column: pd.Series, source: str, *, most: int | None) -> None:
    categories = column.dropna().astype(str).unique().tolist()
    check_labels(categories, "category", source)
    if most is not None and len(categories) > most:
        raise DataError(
            f"{source}: expected at most {most:,} categories. Received: {len(categories):,} "
            f"in column {quoted(str(column.name))}: leave it out with --drop."
        )


def alike(column: pd.Series) -> list[str]:
    """Returns categories that differ in spaces or case only; none of what is no text."""
    if is_numeric(column) or column.dtype.kind == "M":
        return []
    categories = sorted(column.dropna().astype(str).unique())
    normalized = [" ".join(text.split()).casefold() for text in categories]
    counts = Counter(normalized)
    pairs = zip(normalized, categories, strict=True)
    return [text for key, text in sorted(pairs) if counts[key] > 1]


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
    """Returns columns as a structured array ``(rows,)``; see ``tuner.datasets.columns.encoding``.

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
    texts = _texts(column, source)
    return texts if kind == TEXT else texts.astype(np.str_)


def _texts(column: pd.Series, source: str) -> NDArray[Any]:
    """Python's strings, nothing where a value is missing."""
    if column.dtype.kind == "M":
        return dates.as_text(column.to_numpy())
    present = column.notna()
    texts: NDArray[Any] = column.astype(str).where(present, "").to_numpy(dtype=object)
    _check_no_nul(texts, str(column.name), source)
    return texts


def _check_no_nul(texts: NDArray[Any], name: str, source: str) -> None:
    """NumPy's text ends before it, so that two categories would be one."""
    row = next((row for row, text in enumerate(texts) if "\0" in text), None)
    if row is not None:
        raise DataError(
            f"{source}: expected text without the character NUL in column {quoted(name)}. "
            f"Received: one in data row {row + 1}: remove it."
        )


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


def is_number_of_people(text: str) -> bool:
    """Whether a text is a number as people write it, with a decimal comma or a currency sign."""
    return number_text.read_numbers({text: 1}) is not None


def check_numeric(column: pd.Series, source: str, *, what: str = "feature column") -> None:
    """Raises DataError unless a column holds numbers."""
    if is_numeric(column):
        return
    text = column.astype(str)[column.notna()]
    odd = [value for value in text.unique() if not is_number(value)]
    first = next((value for value in odd if not is_number_of_people(value)), next(iter(odd), None))
    if first is None:
        raise DataError(
            f"{source}: expected numbers in every {what}. Received: text such as "
            f"{quoted(next(iter(text), ''))} in column {quoted(str(column.name))}: make numbers of "
            "it, with pandas.to_numeric."
        )
    raise DataError(
        f"{source}: expected numbers in every {what}. "
        f"Received: {quoted(first)} in column {quoted(str(column.name))}: encode or "
        "remove the column."
    )


def check_complete(
    column: pd.Series, source: str, *, hint: str = "fill them in or remove these rows"
) -> None:
    """Raises DataError where a value of a column is missing."""
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"{source}: expected a value in every row. Received: {missing.sum()} missing in "
            f"column {quoted(str(column.name))}, the first in data row {missing.argmax() + 1}: "
            f"{hint}."
        )


def _check_finite(column: pd.Series, source: str) -> None:
    is_invalid = (column.abs() > LARGEST).to_numpy()
    if is_invalid.any():
        raise DataError(
            f"{source}: expected finite numbers up to {LARGEST:g}. Received: "
            f"{column.iloc[is_invalid.argmax()]} in row {is_invalid.argmax()} of column "
            f"{quoted(str(column.name))}: correct or remove it."
        )


def select(
    frame: pd.DataFrame, names: Collection[str], aside: Collection[str], source: str
) -> pd.DataFrame:
    """Returns the columns of these names.

    Those aside, and those without a name, may be there and are not looked at.

    Raises:
        DataError: One is missing, or there are others.
    """
    check_names(frame.columns, names, source, aside)
    return frame[list(names)]
