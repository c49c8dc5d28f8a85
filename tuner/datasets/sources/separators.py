"""What separates the values of a table, told from its first lines."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence

from tuner.datasets.table_format import COMMA

SEPARATORS = (COMMA, "\t", ";", "|")  # of two that fit alike the first one
LOOK = 100  # lines
_MOST_LETTERS = 1 << 20
_FITTING = 0.9  # share of the rows that must have as many values as the first line
_RARE = 0.1  # numbers with a comma for each with a point
_POINT = re.compile(r"[-+]?\d+\.\d+")
_SWAPPED = str.maketrans(".,", ",.")
_DECIMAL_COMMA = re.compile(r"[-+]?(?:\d*,(?:\d{1,2}|\d{4,})|0,\d+|\d{4,},\d+)")


def find_separator(text: str, preferred: str | None = None) -> str:
    """Returns what separates values; a comma where nothing does.

    Args:
        text: The file's first lines.
        preferred: What is taken if the first line holds it, whatever else might be.
    """
    lines = {separator: rows_of(text, separator) for separator in SEPARATORS}
    if preferred is not None and len((rows_of(text, preferred) or [[]])[0]) > 1:
        return preferred
    fitting = {separator: len(rows[0]) for separator, rows in lines.items() if _fits(rows)}
    # Text with commas within a column may fit by chance: more columns fit less by chance.
    return max(fitting, key=lambda separator: fitting[separator], default=COMMA)


def has_decimal_comma(text: str, separator: str) -> bool:
    """Whether numbers of the first lines have a comma that can stand before a fraction only.

    Not if others have such a point: the commas are then something else. Nor if far more numbers
    have a point, of thousands or not: all of the file then tells.
    """
    if separator == COMMA:
        return False
    values = [value.strip() for row in rows_of(text, separator)[1:] for value in row]
    if any(_DECIMAL_COMMA.fullmatch(value.translate(_SWAPPED)) for value in values):
        return False
    commas = sum(_DECIMAL_COMMA.fullmatch(value) is not None for value in values)
    points = sum(_POINT.fullmatch(value) is not None for value in values)
    return commas > _RARE * points


def rows_of(text: str, separator: str) -> list[list[str]]:
    """Returns the values of the first lines that are not blank; none of what is no table."""
    reader = csv.reader(
        io.StringIO(text[:_MOST_LETTERS], newline=""), delimiter=separator, skipinitialspace=True
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) > LOOK:
                break
    except csv.Error:
        return []
    return rows


def _fits(rows: Sequence[Sequence[str]]) -> bool:
    """Whether there are several columns, and rows have as many values as the first line.

    Rows of one value more begin with an index, as R writes it.
    """
    if not rows or len(rows[0]) < 2:
        return False
    lengths = Counter(map(len, rows[1:]))
    if not lengths:
        return True
    wanted = max(len(rows[0]), len(rows[0]) + 1, key=lambda length: lengths[length])
    return lengths[wanted] >= _FITTING * lengths.total()
