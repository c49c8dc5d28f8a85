"""Columns of dates and times: how they are recognised and encoded.

A date is encoded as scaled days since the earliest one of the training part, and as the phase of
each cycle that varies there (month of the year, day of the week, time of the day), as sine and
cosine, so that December is close to January. Times are in UTC, to the second.

``Date.pieces`` is the one definition for NumPy and exported models, which parse text as
``tuner.datasets.columns.date_layers`` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets import scaling
from tuner.datasets.errors import DataError
from tuner.datasets.scaling import Floats
from tuner.errors import quoted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORM = "2024-01-31 or 2024-01-31T12:30:00"
DAY = 86400  # seconds
CYCLES = {"month": 12, "weekday": 7, "hour": 24}  # with their periods
MOST_DIGITS = 18  # of a fraction of a second
_YEARS = (np.datetime64("0000-01-01", "s"), np.datetime64("9999-12-31T23:59:59", "s"))
_FRACTION = rf"\.\d{{1,{MOST_DIGITS}}}"
_ISO = (
    r"\d{4}-\d\d-\d\d"
    rf"(?:[T ]\d\d:\d\d(?::\d\d(?:{_FRACTION})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)


def are_dates(column: pd.Series) -> bool:
    """Whether a column holds times, or text of which more than half is written as a date."""
    if column.dtype.kind == "M":
        return True
    present = column.dropna().astype(str)
    return bool(len(present) and present.str.fullmatch(_ISO).mean() > 0.5)


def read(column: pd.Series, source: str) -> NDArray[np.datetime64]:
    """Returns times in UTC to the second, ``datetime64[s]`` ``(rows,)``, NaT where one is missing.

    Args:
        source: Where the column comes from, for messages.

    Raises:
        DataError: A value is no date, or none of the years 0 to 9999, once it is in UTC.
    """
    import pandas as pd

    if column.isna().all():
        return np.full(len(column), "NaT", "datetime64[s]")
    if column.dtype.kind != "M":
        text = column.astype(str).where(column.notna())
        is_invalid = column.notna() & ~text.str.fullmatch(_ISO).fillna(False).astype(bool)
        # Of times with nanoseconds pandas knows those of 1677 to 2262 only.
        without_fraction = text.mask(is_invalid).str.replace(_FRACTION, "", regex=True)
        times = pd.to_datetime(without_fraction, format="ISO8601", utc=True, errors="coerce")
        is_invalid |= column.notna() & times.isna()
        if is_invalid.any():
            row = int(is_invalid.to_numpy().argmax())
            raise DataError(
                f"{source}: expected dates such as {FORM} in column {quoted(str(column.name))}. "
                f"Received: {quoted(text.iloc[row])} in data row {row + 1}: correct or remove it."
            )
        column = times.rename(column.name)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert(None)  # in UTC
    utc = column.to_numpy().astype("datetime64[s]")
    is_out_of_range = (utc < _YEARS[0]) | (utc > _YEARS[1])
    if is_out_of_range.any():
        row = int(is_out_of_range.argmax())
        raise DataError(
            f"{source}: expected dates of the years 0 to 9999 in UTC, in column "
            f"{quoted(str(column.name))}. Received: {utc[row]} in data row {row + 1}: correct it."
        )
    return utc


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
        dtype: What is computed in; see ``tuner.datasets.scaling``.
    """

    name: str
    earliest: int
    centre: float
    spread: float
    cycles: tuple[str, ...] = ()
    fill: float | None = None
    dtype: str = "float64"

    @property
    def width(self) -> int:
        """Columns that it becomes."""
        return 1 + (self.fill is not None) + 2 * len(self.cycles)

    def encode(self, times: NDArray[np.datetime64]) -> Floats:
        """Returns ``(rows, width)``: scaled days, 1 where a date was missing, and the cycles.

        A date that is missing is in the middle of each cycle.
        """
        return side_by_side(self.pieces(np, ~np.isnat(times), *moments(times, self.dtype)))

    def pieces(self, ops: Any, is_date: Any, days: Any, seconds: Any, month: Any) -> list[Any]:
        """Returns each column by itself, in the shape of the dates.

        Args:
            ops: NumPy, or ``keras.ops`` within a model.
            is_date: Whether a date is there.
            days: Since 1970, of ``dtype``.
            seconds: Of that day.
            month: 0 for January.
        """
        fill = math.nan if self.fill is None else self.fill
        filled = ops.where(is_date, days_since(days, seconds, self.earliest), fill)
        encoded = [(filled - self.centre) / self.spread]
        if self.fill is not None:
            encoded.append(ops.where(is_date, 0.0, 1.0))
        for cycle in self.cycles:
            angle = _phase(ops, cycle, days, seconds, month) * (2 * math.pi / CYCLES[cycle])
            encoded += [ops.where(is_date, f(angle), 0.0) for f in (ops.sin, ops.cos)]
        return encoded


def side_by_side(pieces: list[NDArray[Any]]) -> Floats:
    """Returns columns ``(rows,)`` as float32 ``(rows, columns)``."""
    return np.stack([piece.astype(np.float32) for piece in pieces], axis=1)


def fit(
    name: str, times: NDArray[np.datetime64], kind: str, *, impute: bool, exact: bool = True
) -> Date:
    """Returns how the dates of training rows are encoded.

    Args:
        kind: How the days are scaled, one of ``SCALINGS``.
        impute: Whether dates may be missing, here or in rows to come.
        exact: As ``DataSpec.exact`` says.

    Raises:
        DataError: All are missing.
    """
    present = times[~np.isnat(times)]
    if not len(present):
        raise DataError(
            f"Expected a date in column {quoted(name)} of the training part. Received: none: "
            "remove the column."
        )
    dtype = "float64" if exact else "float32"
    earliest = int(present.min().astype(np.int64))
    days, seconds, month = moments(present, dtype)
    since = days_since(days, seconds, earliest)
    what = f"dates in column {quoted(name)}"
    scaler = scaling.fit([since[:, None]], kind, same_unit=True, what=what, exact=exact)
    phases = {cycle: _phase(np, cycle, days, seconds, month) for cycle in CYCLES}
    return Date(
        name=name,
        earliest=earliest,
        centre=0.0 if scaler is None else float(scaler.centre),
        spread=1.0 if scaler is None else float(scaler.spread),
        cycles=tuple(cycle for cycle, phase in phases.items() if len(np.unique(phase)) > 1),
        fill=float(np.median(since).astype(dtype)) if impute else None,
        dtype=dtype,
    )


def moments(times: NDArray[np.datetime64], dtype: str) -> tuple[NDArray[Any], ...]:
    """Returns days since 1970, seconds of the day and month from 0, each ``(rows,)``.

    They go apart, as the seconds since 1970 are too many for float32; anything where a time is
    missing.
    """
    days, seconds = np.divmod(times.astype("datetime64[s]").astype(np.int64), DAY)
    month = times.astype("datetime64[M]").astype(np.int64) % 12
    return days.astype(dtype), seconds.astype(dtype), month.astype(dtype)


def days_since(days: Any, seconds: Any, earliest: int) -> Any:
    """Returns how many days after a time, in seconds since 1970, others are."""
    first_day, first_second = divmod(earliest, DAY)
    return (days - first_day) + (seconds - first_second) / DAY


def _phase(ops: Any, cycle: str, days: Any, seconds: Any, month: Any) -> Any:
    """Where in a cycle each time is, 0 to its period."""
    if cycle == "hour":
        return seconds / 3600
    if cycle == "month":
        return month
    return ops.mod(days + 3, 7)  # 1970-01-01 was a Thursday, and weeks begin on Mondays
