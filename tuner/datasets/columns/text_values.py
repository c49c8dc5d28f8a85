"""Columns of text that hold numbers, dates, or marks of missing values, as such.

A worker and a prediction read a file as the launch did: what was found then is given to them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.datasets.columns import date_formats, dates, number_text
from tuner.datasets.columns.column_names import shown
from tuner.datasets.columns.number_text import NumberText
from tuner.datasets.errors import DataError
from tuner.datasets.table_format import TableFormat
from tuner.errors import quoted, shorten

if TYPE_CHECKING:
    import pandas as pd

AS_TRAINED = "write all numbers as those of the training rows, with the same separator."
_DATE_ORDER = "add --date-order day-first or --date-order month-first."
_ROWS_PER_CODE = 2  # on average
_FEWEST_CLASSES = 2  # of a target
_LOOK = 1000  # rows whose different values tell what a column may hold


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Columns that are not as all others.

    Attributes:
        text: Those that stay text, even where they look like numbers or dates.
        dates: Those among them that hold dates.
        classes: Targets, in which no text but a missing number is missing.
        dropped: Those that nobody uses, of which nothing is asked.
        chosen: All others are not used either; none where all are.
        follows: Whether values are to be written as in another file, whatever options say.
    """

    text: Collection[str] = ()
    dates: Collection[str] = ()
    classes: Collection[str] = ()
    dropped: Collection[str] = ()
    chosen: Collection[str] = ()
    follows: bool = False

    def are_used(self, name: str) -> bool:
        """Whether a column is of use."""
        return name not in self.dropped and (not self.chosen or name in self.chosen)


def read_values(
    frame: pd.DataFrame, table_format: TableFormat, columns: Columns, source: str, *, typed: bool
) -> tuple[pd.DataFrame, TableFormat, list[str]]:
    """Returns a table whose numbers and dates are such, how they were written, and what was done.

    Args:
        frame: The table; not changed.
        table_format: How values are written, as far as it is known.
        columns: Those that are not as all others.
        source: Where the table comes from, for messages.
        typed: Whether the file tells numbers from text: plain numbers that are text stay so, if
            they repeat or begin with zeros.

    Raises:
        DataError: Numbers or dates may mean one thing or another.
    """
    texts = [name for name in frame.columns if frame[name].dtype.kind in "OU"]
    texts = [name for name in texts if _holds_text(frame[name])]
    free = [name for name in texts if name not in columns.text]
    numbers, found = _find_numbers(frame, free, table_format, typed=typed)
    decimal = _decimal(numbers, table_format, columns, source)
    readable = {name: one for name, one in numbers.items() if (decimal or ".") in one.readings}
    marks = table_format.marks
    if marks is None:
        asked_for = [n for n in texts if n not in columns.classes or _has_odd_class(frame[n])]
        marks = _usual_marks(frame, asked_for, readable, found)
    replaced = {name: _as_numbers(frame[name], one, decimal) for name, one in readable.items()}
    left = [name for name in texts if name not in readable]
    if marks:
        replaced |= _without_marks(frame, left, columns, marks)
        replaced |= _without_numbers(frame, [n for n in frame.columns if n not in texts], marks)
    wanted = [name for name in left if name in columns.dates or name not in columns.text]
    of_dates = {name: replaced.get(name, frame[name]) for name in wanted}
    times, day_first = _read_dates(of_dates, table_format.day_first, columns, source)
    replaced |= times
    known = dataclasses.replace(
        table_format,
        decimal=decimal or ".",
        na_values=table_format.na_values if table_format.keeps_texts else tuple(marks),
        day_first=day_first,
    )
    return (frame.assign(**replaced) if replaced else frame), known, _words(readable, decimal)


def _holds_text(column: pd.Series) -> bool:
    present = column.dropna()
    return bool(len(present)) and isinstance(present.iloc[0], str)


def _find_numbers(
    frame: pd.DataFrame, names: list[str], table_format: TableFormat, *, typed: bool
) -> tuple[dict[str, NumberText], dict[str, set[str]]]:
    """The numbers of columns that hold nothing else, and the marks of missing ones, by column."""
    numbers, marks = {}, {}
    for name in names:
        if not number_text.may_be_numbers(_first_texts(frame[name])):
            continue
        counts = {str(text): n for text, n in frame[name].value_counts().items()}
        marked = {t for t in counts if number_text.is_mark(t, table_format.marks)}
        present = {text: n for text, n in counts.items() if text not in marked}
        one = number_text.read_numbers(present) if present else None
        if one is not None and not (typed and not marked and _are_codes(present)):
            numbers[name], marks[name] = one, {text.strip() for text in marked}
    return numbers, marks


def _first_texts(column: pd.Series) -> list[str]:
    return [str(text) for text in column.iloc[:_LOOK].dropna().unique()]


def _are_codes(counts: Mapping[str, int]) -> bool:
    """Whether plain numbers that are text are meant as such: they repeat, or begin with zeros.

    Args:
        counts: In how many rows each different text is.
    """
    if not all(map(_is_plain, counts)):
        return False
    begins_with_zero = any(len(text) > 1 and text[0] == "0" and text.isdigit() for text in counts)
    return begins_with_zero or _ROWS_PER_CODE * len(counts) <= sum(counts.values())


def _is_plain(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _decimal(
    numbers: Mapping[str, NumberText], table_format: TableFormat, columns: Columns, source: str
) -> str | None:
    if table_format.decimal is not None:
        return table_format.decimal
    decimal = number_text.find_decimal(numbers.values(), separator=table_format.separator)
    used = {name: one for name, one in numbers.items() if columns.are_used(name)}
    rare = [name for name, one in used.items() if one.has_rare_comma]
    certain = [name for name, one in numbers.items() if one.readings == (",",)]
    if decimal == "," and rare and len(rare) == len(certain):
        texts = numbers[rare[0]].digits
        comma = next(text for text in texts if "," in text)
        point = next(text for text in texts if "," not in text and "." in text)
        or_say = "or say with --decimal , that the points stand between thousands."
        raise DataError(
            f"{source[-60:]}: expected numbers written in one way. Received: {quoted(comma, 24)} "
            f"in column {quoted(rare[0], 24)}, and many such as {quoted(point, 24)}: correct it, "
            f"{'or ' + AS_TRAINED if columns.follows else or_say}"
        )
    unclear = next((name for name, one in used.items() if one.is_ambiguous), None)
    if decimal is None and unclear is not None:
        text = next(text for text in numbers[unclear].digits if set(".,") & {*text})
        raise DataError(
            f"{source}: expected numbers whose comma can be understood. Received: {quoted(text)} "
            f"in column {quoted(unclear)}, thousands or a fraction: "
            + (AS_TRAINED if columns.follows else "add --decimal . or --decimal ,")
        )
    return decimal


def _usual_marks(
    frame: pd.DataFrame,
    texts: list[str],
    numbers: Mapping[str, NumberText],
    found: Mapping[str, set[str]],
) -> tuple[str, ...]:
    """The marks that stand among numbers of a file; a question mark among other texts, too."""
    marks = set().union(*(found[name] for name in numbers)) if numbers else set()
    others = [name for name in texts if name not in numbers]
    if any(frame[name].eq(number_text.ALWAYS).any() for name in others):
        marks.add(number_text.ALWAYS)
    return tuple(sorted(marks))


def _has_odd_class(target: pd.Series) -> bool:
    """Whether a question mark stands among several classes, of which it is hardly one."""
    classes = {str(text).strip() for text in target.dropna().unique()}
    return number_text.ALWAYS in classes and len(classes) > _FEWEST_CLASSES


def _as_numbers(column: pd.Series, numbers: NumberText, decimal: str | None) -> pd.Series:
    return column.map(numbers.numbers(decimal or ".")).astype(float)


def _without_marks(
    frame: pd.DataFrame, names: list[str], columns: Columns, marks: Collection[str]
) -> dict[str, pd.Series]:
    """Columns of text with nothing where a mark stands."""
    changed = {}
    for name in names:
        of_column = set(marks)
        if name in columns.classes:
            of_column &= {number_text.ALWAYS} if _has_odd_class(frame[name]) else set()
        is_marked = frame[name].str.strip().isin(list(of_column))
        if is_marked.any():
            changed[name] = frame[name].mask(is_marked)
    return changed


def _without_numbers(
    frame: pd.DataFrame, names: list[str], marks: Collection[str]
) -> dict[str, pd.Series]:
    """Columns of numbers with nothing where a mark such as -999 stands."""
    values = [float(mark) for mark in marks if _is_plain(mark)]
    changed = {}
    for name in names if values else ():
        if frame[name].dtype.kind in "iuf" and frame[name].isin(values).any():
            changed[name] = frame[name].mask(frame[name].isin(values)).astype(float)
    return changed


def _read_dates(
    columns: Mapping[str, pd.Series], day_first: bool | None, known: Columns, source: str
) -> tuple[dict[str, pd.Series], bool | None]:
    """Columns of dates as times, and whether their days come first."""
    readings = {}
    for name, column in columns.items():
        if dates.are_dates(column.iloc[:_LOOK]) or not date_formats.may_be_dates(
            _first_texts(column)
        ):
            continue
        texts = [str(text) for text in column.dropna().unique()]
        if ways := date_formats.read_dates(texts):
            readings[name] = ways
        elif known.are_used(name) and name not in known.classes:
            _check_dates(name, texts, source)
    orders = {next(iter(ways)) for ways in readings.values() if len(ways) == 1} - {None}
    if day_first is None and len(orders) == 1:
        day_first = orders.pop()
    times = {}
    for name, ways in readings.items():
        if len(ways) > 1 and day_first is None:
            if not known.are_used(name):
                continue
            raise DataError(
                f"{source}: expected dates of which one shows whether the day or the month comes "
                f"first. Received: {quoted(columns[name].dropna().iloc[0])} in column "
                f"{quoted(name)}: "
                + ("write them as 2024-01-31." if known.follows else _DATE_ORDER)
            )
        key = day_first if len(ways) > 1 else next(iter(ways))
        times[name] = columns[name].map(ways[key])
    return times, day_first


def _check_dates(name: str, texts: list[str], source: str) -> None:
    """Refuses a column of dates of which few cannot be read, which would be categories."""
    odd = date_formats.first_odd(texts)
    if odd is not None:
        raise DataError(
            f"{source[-60:]}: expected dates that can all be read in one way. Received: "
            f"{quoted(odd, 24)} in column {quoted(name, 24)}: correct it, or leave the column out."
        )


def _words(numbers: Mapping[str, NumberText], decimal: str | None) -> list[str]:
    """What was left out of numbers, a few words each."""
    by_unit: dict[str, list[str]] = {}
    for name, one in numbers.items():
        for unit in one.units:
            by_unit.setdefault(unit, []).append(name)
    words = [f"`{unit}` left out of {shown(names, 3)}" for unit, names in by_unit.items()]
    thousands = "." if decimal == "," else ","
    grouped = [n for n, one in numbers.items() if any(thousands in d for d in one.digits.values())]
    if grouped:
        words.append(f"`{thousands}` between thousands in {shorten(shown(grouped, 3))}")
    return words
