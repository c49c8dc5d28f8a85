"""When the rows of a table are: a column with dates, or with numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.datasets.columns.column_kinds import is_numeric
from tuner.datasets.errors import DataError
from tuner.errors import one_line, quoted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

DAYS = (1000_01_01, 2999_12_31)  # whole numbers that may be dates


def as_numbers(column: pd.Series, source: str) -> NDArray[Any]:
    """When each row is, as numbers with a distance: of dates, 20240131 too, nanoseconds."""
    import pandas as pd

    if not is_numeric(column):
        return as_dates(column, source).astype("int64").to_numpy()
    values: NDArray[Any] = column.to_numpy()
    if column.dtype.kind in "iu" and column.between(*DAYS).all():
        days = pd.to_datetime(column.astype(str), format="%Y%m%d", errors="coerce")
        values = values if days.isna().any() else days.astype("int64").to_numpy()
    return values


def as_dates(column: pd.Series, source: str) -> pd.Series:
    """Returns texts such as 2024-01-31T12:30 as dates in UTC.

    Raises:
        DataError: One is no date.
    """
    import pandas as pd

    try:
        return pd.to_datetime(column, format="ISO8601", utc=True)
    except (ValueError, TypeError) as e:
        raise DataError(
            f"{source}: expected numbers or times such as 2024-01-31 or 2024-01-31T12:30 in column "
            f"{quoted(str(column.name))}. Received: {one_line(e)}."
        ) from e
