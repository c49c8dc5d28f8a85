"""Dates that are not written as ISO says: which format they have, found from all of a column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

LOOK = 50  # different values that tell whether a column may hold dates
_MAY_BE = 0.9
_SHAPE = re.compile(
    r"(?:\d{1,4}([/.-])\d{1,2}(?:\1\d{1,4})?|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|[A-Za-z]{3,9} \d{4}"
    r"|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4})(?:[ T]\d{1,2}:\d\d.*)?"
)
_WHOLE_DATE = re.compile(r"\d{1,2}([/.-])\d{1,2}\1\d{4}|\d{4}([/.-])\d{1,2}\2\d{1,2}")
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y", "%d-%m-%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y")
_CERTAIN = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%Y-%m", "%Y/%m", "%m/%Y"),
    *("%b %d %Y", "%b %d, %Y", "%B %d %Y", "%B %d, %Y", "%b %Y", "%B %Y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d-%B-%Y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S")
_YEARS = (1678, 2261)  # of what pandas tells from nanoseconds


def may_be_dates(texts: Sequence[str]) -> bool:
    """Whether the first different values look like dates."""
    first = texts[:LOOK]
    fitting = sum(_SHAPE.fullmatch(text.strip()) is not None for text in first)
    return bool(fitting) and fitting >= _MAY_BE * len(first)


def read_dates(texts: Sequence[str]) -> dict[bool | None, pd.Series]:
    """Returns the times of all texts, in every way in which all of them can be read.

    Args:
        texts: Different values.

    Returns:
        Times by text, under True for the day before the month, False for the month before the day,
        and None where the format leaves no doubt; nothing where some text is no date.
    """
    for formats, key in ((_CERTAIN, None), (_DAY_FIRST, True), (_MONTH_FIRST, False)):
        times = _first_fitting(texts, formats)
        if times is None:
            continue
        if key is None or key is False:
            return {key: times}
        other = _first_fitting(texts, _MONTH_FIRST)
        if other is None or times.equals(other):
            return {True if other is None else None: times}
        return {True: times, False: other}
    return {}


def first_odd(texts: Sequence[str]) -> str | None:
    """Returns the first text that is no date, or one of another order, where nearly all are dates.

    Args:
        texts: Different values that no format reads all of.

    Returns:
        The text; None where the values are something else, such as ages from 10-19 on.
    """
    import pandas as pd

    fitting = sum(_WHOLE_DATE.fullmatch(text.strip()) is not None for text in texts)
    if fitting < _MAY_BE * len(texts):
        return None
    column = pd.Series([text.strip() for text in texts], index=list(texts), dtype=object)
    failing = [
        pd.to_datetime(column, format=day, errors="coerce").isna()
        for day in (*_CERTAIN, *_DAY_FIRST, *_MONTH_FIRST)
    ]
    fewest = min(failing, key=sum)
    return str(fewest.idxmax()) if not fewest.all() else None


def _first_fitting(texts: Sequence[str], formats: Sequence[str]) -> pd.Series | None:
    import pandas as pd

    column = pd.Series([text.strip() for text in texts], index=list(texts), dtype=object)
    sample = column.iloc[:LOOK]
    for day, time in product(formats, _TIMES):
        if pd.to_datetime(sample, format=day + time, errors="coerce").isna().any():
            continue
        times = pd.to_datetime(column, format=day + time, errors="coerce")
        if times.notna().all() and times.dt.year.between(*_YEARS).all():
            return times
    return None
