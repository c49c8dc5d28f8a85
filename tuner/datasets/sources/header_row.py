"""Whether the first line of a table that has only numbers names its columns, or is a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FEWEST = 3  # numbers in even steps, or all without a point, which is no chance
CERTAIN = 4  # numbers that count from 0 or 1 on: hardly a row of data does
_POINTS = ".eE"


def names_columns(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool | None:
    """Returns whether a line holds names; None where nobody can tell.

    A data frame without names is written with the numbers of its columns, 0, 1, 2, ..., which look
    like a row. Names differ from one another, and numbers that name are whole and without a point.

    Args:
        first: The values of the line as they are written; nothing where one is missing.
        others: Those of lines below.
    """
    if any(_is_word(text) for text in first):
        return True
    # Nothing stands over an index, and for a missing value.
    positions = [place for place, text in enumerate(first) if _is_number(text)]
    numbers = [float(first[place]) for place in positions]
    if not numbers:
        return True
    lower_rows = [[row[place] for place in positions] for row in others]
    if len(set(numbers)) < len(numbers) or any(_has_point(first[place]) for place in positions):
        return False
    if len(numbers) > 1 and _continues(numbers, lower_rows):
        return False
    steps = np.diff(numbers)
    is_range = numbers[0] in (0, 1) and bool((steps == 1).all())
    all_decimal = bool(lower_rows) and all(_has_point(text) for row in lower_rows for text in row)
    if all_decimal and (is_range or len(numbers) >= FEWEST):
        return True
    if is_range and len(numbers) >= CERTAIN:
        return True
    is_evenly_spaced = len(numbers) >= FEWEST and bool((steps == steps[0]).all())
    return None if (is_range and numbers[0] == 0) or is_evenly_spaced or all_decimal else False


def _continues(numbers: Sequence[float], below: Sequence[Sequence[str]]) -> bool:
    """Whether the next line counts on, as in a table made for a try."""
    following = [float(text) for text in below[0] if _is_number(text)] if below else []
    return following == [number + len(numbers) for number in numbers]


def _has_point(text: str) -> bool:
    return any(letter in text for letter in _POINTS)


def _is_word(text: str) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return True
    return False


def _is_number(text: str) -> bool:
    """Whether it is one that is neither missing nor infinite."""
    return bool(text) and not _is_word(text) and bool(np.isfinite(float(text)))
