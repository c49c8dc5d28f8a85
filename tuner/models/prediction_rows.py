"""Rows of a table for an exported model, read as those that it learned from."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets import DataError, DataSpec
from tuner.datasets.columns import column_kinds
from tuner.datasets.columns.column_kinds import DATE, NUMBER
from tuner.datasets.columns.column_names import shown
from tuner.datasets.columns.encoding import by_column
from tuner.datasets.columns.index_columns import is_unnamed
from tuner.datasets.columns.text_values import Columns
from tuner.datasets.sources import data_frames
from tuner.datasets.sources.header_row import names_columns
from tuner.datasets.sources.time_series import latest_window
from tuner.datasets.sources.user_files import require_file
from tuner.datasets.table_format import PLAIN, TableFormat

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

IN_MEMORY = "rows"  # how messages name them


def source_name(rows: str | pd.DataFrame) -> str:
    """Returns how messages name rows."""
    return rows if isinstance(rows, str) else IN_MEMORY


def _table(
    rows: str | pd.DataFrame,
    like: TableFormat,
    *,
    header: bool = True,
    columns: Columns | None = None,
) -> pd.DataFrame:
    """A table of plain types, whose values are written as those of the training rows.

    Args:
        rows: A path, or a table in memory.
        like: How the file of the training rows was written.
        header: As for ``data_frames.read``.
        columns: As for ``data_frames.read``.
    """
    if isinstance(rows, str):
        file = require_file(rows)
        return data_frames.read(
            file, like.of_other_file(), header=header, columns=columns, like=like
        ).frame
    return data_frames.of_memory(rows, IN_MEMORY, like, columns).frame


def format_of(about: Mapping[str, Any]) -> TableFormat:
    """Returns how the file of the training rows was written; lenient where there is no card.

    Args:
        about: What the card says of the data.
    """
    if not about:
        return TableFormat()
    if not about.get("lenient", False):
        return PLAIN
    marks = about.get("na_values")
    return TableFormat(
        separator=about.get("separator"),
        decimal=about.get("decimal"),
        encoding=about.get("encoding"),
        na_values=None if marks is None else tuple(marks),
        day_first=about.get("day_first"),
    )


def read_columns(
    rows: str | pd.DataFrame,
    kinds: Mapping[str, str],
    aside: Collection[str],
    like: TableFormat,
    *,
    missing: bool,
) -> dict[str, NDArray[Any]]:
    """Returns columns of several kinds, each ``(rows, 1)``.

    Args:
        rows: A path, or a table in memory.
        kinds: What each column holds.
        aside: Columns that may be there, and are not looked at.
        like: How the file of the training rows was written.
        missing: Whether values may be missing.

    Raises:
        DataError: Columns are missing, or hold something else.
    """
    columns = Columns(
        text=[name for name, kind in kinds.items() if kind != NUMBER],
        dates=[name for name, kind in kinds.items() if kind == DATE],
        classes=aside,
    )
    table, source = _table(rows, like, columns=columns), source_name(rows)
    table = column_kinds.select(table, list(kinds), aside, source)
    column_kinds.check_kinds(table, kinds, source, missing=missing)
    return by_column(column_kinds.structured(table, kinds, source))


def read_rows(
    rows: str | pd.DataFrame,
    names: Sequence[str] | None,
    shape: Sequence[int | None],
    aside: Collection[str],
    header: bool | None,
    like: TableFormat,
) -> NDArray[np.float64]:
    """Returns rows of numbers, ``(rows, *shape)``.

    Args:
        rows: A path, or a table in memory.
        names: Of the columns; None where they go by position.
        shape: Of a row.
        aside: Columns that may be there, and are not looked at.
        header: Whether the first line of a text file names the columns; None finds out.
        like: How the file of the training rows was written.

    Raises:
        DataError: There are other columns, or they hold something else.
    """
    source = source_name(rows)
    if names is not None:
        table = column_kinds.select(_table(rows, like), names, aside, source)
    else:
        if header is None:
            header = _has_header(rows, like, wanted=_count(shape))
        table = _table(rows, like, header=header)
        unnamed = [name for name in table.columns if is_unnamed(name)]  # an index
        table = table.drop(columns=unnamed)
        _check_count(table, shape, source)
    kinds = dict.fromkeys(table.columns, NUMBER)
    column_kinds.check_kinds(table, kinds, source, missing=False)
    values: NDArray[np.float64] = table.to_numpy(dtype=np.float64)
    return values.reshape(-1, *(size or 1 for size in shape))


def read_window(
    rows: str | pd.DataFrame,
    names: Sequence[str],
    length: int,
    aside: Collection[str],
    about: Mapping[str, Any],
) -> NDArray[np.float64]:
    """Returns the latest rows of a time series as the one window that they are.

    Args:
        rows: A path, or a table in memory.
        names: Of the columns of a window.
        length: Rows of a window.
        aside: Columns that may be there, and are not looked at.
        about: What the card says of the data.

    Raises:
        DataError: There are too few rows, or a value or time is missing.
    """
    spec = DataSpec(
        source=source_name(rows),
        target=about.get("target"),
        group=about.get("group"),
        split_by_time=about.get("split_by_time"),
        window=length,
        columns=tuple(names),
        gap=about["gap"],
        drop=tuple(about.get("drop") or ()),
    )
    latest = latest_window(_table(rows, format_of(about)), spec)
    window = column_kinds.select(latest, names, aside, spec.source)
    where = f"{spec.source} (latest {length} rows)"
    column_kinds.check_kinds(window, dict.fromkeys(names, NUMBER), where, missing=False)
    values: NDArray[np.float64] = window.to_numpy(dtype=np.float64)
    return values[None]


def _has_header(rows: str | pd.DataFrame, like: TableFormat, *, wanted: int) -> bool:
    """Whether the first line of a table names its columns.

    Args:
        rows: A path, or a table in memory.
        like: How the file of the training rows was written.
        wanted: Values that a row must have.
    """
    if not isinstance(rows, str):
        return True
    lines = data_frames.first_lines(require_file(rows), like.of_other_file())
    if not lines:
        return True
    has_names = names_columns(lines[0], lines[1:])
    if has_names is None and len(lines[0]) == wanted:
        raise DataError(
            f"{rows}: expected a first line that is plainly names or a row. Received: "
            f"{shown(lines[0])}, which may be either: add --header or --no-header."
        )
    return has_names is not False


def _check_count(table: pd.DataFrame, shape: Sequence[int | None], source: str) -> None:
    wanted = _count(shape)
    if len(table.columns) != wanted:
        raise DataError(
            f"{source}: expected {wanted} columns, as many values as a row of the model has. "
            f"Received: {len(table.columns)}: add or remove columns."
        )


def _count(shape: Sequence[int | None]) -> int:
    """Values of a row."""
    return math.prod(size or 1 for size in shape)
