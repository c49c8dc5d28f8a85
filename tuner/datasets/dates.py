"""Columns of dates and times: how they are told from other text, and what models see of them.

A model sees how many days after the earliest one of the training part a date is, scaled, and its
place in each cycle that varies there: the month in the year, the day in the week, the time in the
day, each as sine and cosine, so that December lies beside January. Times are taken to the second
and in UTC. See ``tuner.datasets.calendar`` for the same within a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets import scaling
from tuner.datasets.errors import DataError
from tuner.datasets.scaling import Floats

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORM = "2024-01-31 or 2024-01-31T12:30:00"
DAY = 86400  # seconds
CYCLES = {"month": 12, "weekday": 7, "hour": 24}  # with their periods
_ISO = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"


def are_dates(column: pd.Series) -> bool:
    """Whether a column holds times, or text of which more than half is written as a date."""
    if column.dtype.kind == "M":
        return True
    known = column.dropna().astype(str)
    return bool(len(known) and known.str.fullmatch(_ISO).mean() > 0.5)


def read(column: pd.Series, source: str) -> NDArray[np.datetime64]:
    """Returns times in UTC to the second, ``datetime64[s]`` ``(rows,)``, NaT where one is missing.

    Args:
        source: Where the column comes from, for messages.

    Raises:
        DataError: A value is no date.
    """
    import pandas as pd

    if column.isna().all():
        return np.full(len(column), "NaT", "datetime64[s]")
    if column.dtype.kind != "M":
        text = column.astype(str).where(column.notna())
        wrong = column.notna() & ~text.str.fullmatch(_ISO).fillna(False).astype(bool)
        times = pd.to_datetime(text.mask(wrong), format="ISO8601", utc=True, errors="coerce")
        wrong |= column.notna() & times.isna()
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise DataError(
                f"{source}: expected dates such as {FORM} in column {str(column.name)!r}. "
                f"Received: {text.iloc[row]!r} in data row {row + 1}: mend or remove it."
            )
        column = times.dt.tz_localize(None)
    return column.to_numpy().astype("datetime64[s]")


def as_text(times: NDArray[np.datetime64]) -> NDArray[Any]:
    """Returns times as models take them, Python's strings; nothing where one is missing."""
    texts = np.datetime_as_string(times.astype("datetime64[s]")).astype(object)
    texts[np.isnat(times)] = ""
    return texts


@dataclass(frozen=True, kw_only=True)
class Date:
    """A column of dates.

    Attributes:
        earliest: Of the training part, in seconds since 1970.
        centre: Taken off the days since then.
        spread: What they are divided by then.
        cycles: Those of ``CYCLES`` that vary in the training part.
        fill: Days in place of a missing date; None where none may be missing.
    """

    name: str
    earliest: int
    centre: float
    spread: float
    cycles: tuple[str, ...] = ()
    fill: float | None = None

    @property
    def width(self) -> int:
        """Columns that it becomes."""
        return 1 + (self.fill is not None) + 2 * len(self.cycles)

    def encode(self, times: NDArray[np.datetime64]) -> Floats:
        """Returns ``(rows, width)``: scaled days, 1 where a date was missing, and the cycles.

        A date that is missing is in the middle of each cycle.
        """
        missing = np.isnat(times)
        days = days_since(times, self.earliest)
        if self.fill is not None:
            days = np.where(missing, np.float32(self.fill), days)
        columns = [(days - np.float32(self.centre)) / np.float32(self.spread)]
        if self.fill is not None:
            columns.append(missing.astype(np.float32))
        for cycle in self.cycles:
            angle = np.float32(2 * np.pi / CYCLES[cycle]) * _phase(times, cycle)
            columns += [np.where(missing, np.float32(0), f(angle)) for f in (np.sin, np.cos)]
        encoded: Floats = np.stack(columns, axis=1)
        return encoded


def fit(name: str, times: NDArray[np.datetime64], kind: str, *, impute: bool) -> Date:
    """Returns how the dates of training rows are encoded.

    Args:
        kind: How the days are scaled, one of ``SCALINGS``.
        impute: Whether dates may be missing, here or in rows to come.

    Raises:
        DataError: All are missing.
    """
    known = times[~np.isnat(times)]
    if not len(known):
        raise DataError(
            f"Expected a date in column {name!r} of the training part. Received: none: "
            "remove the column."
        )
    earliest = int(known.min().astype(np.int64))
    days = days_since(known, earliest)
    scaler = scaling.fit([days[:, None]], kind, same_unit=True, what=f"dates in column {name!r}")
    return Date(
        name=name,
        earliest=earliest,
        centre=0.0 if scaler is None else float(scaler.centre),
        spread=1.0 if scaler is None else float(scaler.spread),
        cycles=tuple(cycle for cycle in CYCLES if len(np.unique(_phase(known, cycle))) > 1),
        fill=float(np.float32(np.median(days))) if impute else None,
    )


def days_since(times: NDArray[np.datetime64], earliest: int) -> Floats:
    """Returns days ``(rows,)``, NaN where a time is missing.

    Whole days and seconds go apart, as the seconds since 1970 are too many for float32.
    """
    days, seconds = _days_and_seconds(times)
    first_day, first_second = divmod(earliest, DAY)
    since = (days - first_day).astype(np.float32)
    since += (seconds - first_second).astype(np.float32) / np.float32(DAY)
    since[np.isnat(times)] = np.nan
    return since


def _phase(times: NDArray[np.datetime64], cycle: str) -> Floats:
    """Where in a cycle each time is, 0 to its period."""
    days, seconds = _days_and_seconds(times)
    if cycle == "hour":
        return seconds.astype(np.float32) / np.float32(3600)
    if cycle == "month":
        phase = times.astype("datetime64[M]").astype(np.int64) % 12
    else:
        phase = (days + 3) % 7  # 1970-01-01 was a Thursday, and weeks begin on Mondays
    return phase.astype(np.float32)


def _days_and_seconds(times: NDArray[np.datetime64]) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.divmod(times.astype("datetime64[s]").astype(np.int64), DAY)
