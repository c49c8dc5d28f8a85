"""Tables as data frames: files of several kinds, with columns of plain types.

Whatever the file: numbers and truth values are NumPy's, a truth value that is missing makes its
column numbers (1, 0, NaN), times are ``datetime64``, and the rest is text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.datasets import table_format as formats
from tuner.datasets.columns.column_names import shown
from tuner.datasets.columns.text_values import Columns, read_values
from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_labels
from tuner.datasets.sources import delimited, excel, json_table, parquet, tf_examples
from tuner.datasets.sources.text_encoding import PACKED
from tuner.datasets.table_format import PLAIN, TableFormat
from tuner.errors import quoted

if TYPE_CHECKING:
    import pandas as pd

_TYPED = (*parquet.SUFFIXES, excel.SUFFIX, *json_table.SUFFIXES)
_PACKABLE = (*delimited.SUFFIXES, *json_table.SUFFIXES)
SUFFIXES = (
    *delimited.SUFFIXES,
    *_TYPED,
    *(suffix + PACKED for suffix in _PACKABLE),
)
KINDS = ".csv, .tsv, .json, .jsonl, .parquet, .feather or .xlsx"  # in messages


@dataclass(frozen=True, kw_only=True, eq=False)
class TableFile:
    """A table that was read.

    Attributes:
        frame: Its rows.
        table_format: How it is written: what was asked for, and what was found.
        words: What is not as in most files, a few words each.
    """

    frame: pd.DataFrame
    table_format: TableFormat
    words: tuple[str, ...] = ()


def read(
    path: Path,
    table_format: TableFormat = PLAIN,
    *,
    header: bool = True,
    columns: Columns | None = None,
    like: TableFormat | None = None,
) -> TableFile:
    """Returns the rows of a file, by what its name ends in; any other is read as ``.csv``.

    Args:
        path: The file.
        table_format: How it is written; what is None is found.
        header: Whether the first line of a text file names the columns; else they are numbered.
        columns: Those that are not as all others: text that looks like numbers, as ``007`` does.
        like: How the file was written whose rows a model learned, where this is another one.

    Raises:
        DataError: It is no table, holds no rows, more columns than ``limits.MOST_COLUMNS``, or
            values that may mean one thing or another.
    """
    columns = dataclasses.replace(columns or Columns(), follows=like is not None)
    source, is_text = str(path), _is_text_table(path)
    used = table_format
    if is_text:
        used = delimited.find_format(path, table_format, like=like)
    frame = _read(path, used, header=header, text=columns.text)
    table = _with_values(frame, table_format, used, columns, source, is_text=is_text)
    if not is_text or (used.decimal or ".") == (table.table_format.decimal or "."):
        is_found = is_text and table_format.lenient and used.decimal is None and like is None
        return _with_doubts(path, table, used, columns) if is_found else table
    # Found late in the file: numbers with a point were taken for fractions before.
    used = dataclasses.replace(used, decimal=table.table_format.decimal)
    frame = _read(path, used, header=header, text=columns.text)
    return _with_values(frame, table_format, used, columns, source, is_text=is_text)


def _with_doubts(path: Path, table: TableFile, used: TableFormat, columns: Columns) -> TableFile:
    """The table, with a word on points that may stand between thousands, as between semicolons.

    Raises:
        DataError: They do so as likely as not.
    """
    if used.separator != ";":
        return table
    asked = [str(name) for name in table.frame if columns.are_used(str(name))]
    grouped = delimited.grouped(path, used, table.frame[asked])
    for name, text in grouped.items():
        if text is not None:
            raise DataError(
                f"{path}: expected numbers whose point can be understood. Received: {quoted(text)} "
                f"in column {quoted(name)}, thousands or a fraction: add --decimal , or --decimal ."
            )
    if not grouped:
        return table
    said = f"`.` before three decimals in {shown(list(grouped), 3)} (thousands: --decimal ,)"
    return dataclasses.replace(table, words=(*table.words, said))


def of_memory(
    frame: pd.DataFrame,
    source: str,
    table_format: TableFormat = PLAIN,
    columns: Columns | None = None,
) -> TableFile:
    """Returns the rows of a data frame as those of a file are.

    Args:
        frame: The table.
        source: How messages name it.
        table_format: How values are written.
        columns: As for ``read``.

    Raises:
        DataError: There are no rows.
    """
    renamed = frame.reset_index(drop=True)
    renamed.columns = renamed.columns.map(str)
    known = dataclasses.replace(columns or Columns(), follows=True)
    return _with_values(renamed, table_format, table_format, known, source, is_text=False)


def first_lines(path: Path, table_format: TableFormat) -> list[list[str]]:
    """Returns the values of some lines as they are written; none of what is no text.

    Args:
        path: The file.
        table_format: How it is written; what is None is found.

    Raises:
        DataError: It is no table.
    """
    if not _is_text_table(path):
        return []
    return delimited.first_lines(path, delimited.find_format(path, table_format))


def codes(path: Path, table: TableFile) -> list[str]:
    """Returns columns that were read as numbers and have leading zeros in their file, as codes do.

    Args:
        path: The file.
        table: What was read from it.
    """
    if not _is_text_table(path):
        return []
    return delimited.codes(path, table.table_format, table.frame)


def _kind(path: Path) -> str:
    """What a name ends in, before ``.gz``."""
    name = path.name.lower()
    return Path(name.removesuffix(PACKED)).suffix


def _is_table(path: Path) -> bool:
    return path.name.lower().endswith((*SUFFIXES, *tf_examples.SUFFIXES))


def _is_text_table(path: Path) -> bool:
    return _kind(path) in delimited.SUFFIXES or not _is_table(path)


def _read(
    path: Path, table_format: TableFormat, *, header: bool, text: Collection[str]
) -> pd.DataFrame:
    kind = _kind(path)
    if kind in parquet.SUFFIXES:
        return parquet.read(path)
    if kind in tf_examples.SUFFIXES:
        return tf_examples.frame(path)
    if kind in json_table.SUFFIXES:
        return json_table.read(path, lines=kind in json_table.LINES)
    if kind == excel.SUFFIX:
        return excel.read(path, keeps_texts=table_format.keeps_texts)
    return delimited.read(path, table_format, header=header, text=text)


def _with_values(
    frame: pd.DataFrame,
    asked: TableFormat,
    used: TableFormat,
    columns: Columns,
    source: str,
    *,
    is_text: bool,
) -> TableFile:
    """The table with columns of plain types, and what was found in its values."""
    frame = _with_plain_types(frame, source, columns.text)
    if not asked.lenient or not frame.columns.is_unique:
        return TableFile(frame=frame, table_format=used)
    frame, used, words = read_values(frame, used, columns, source, typed=not is_text)
    words = [*formats.describe(asked, used, is_text=is_text), *words]
    return TableFile(frame=frame, table_format=used, words=tuple(words))


def _with_plain_types(frame: pd.DataFrame, source: str, text: Collection[str]) -> pd.DataFrame:
    if not len(frame):
        is_text = source.lower().endswith((*delimited.SUFFIXES, PACKED))
        only = "a header line only" if is_text else "no row"
        raise DataError(f"Expected a table with rows. Received: {source} with {only}.")
    check_labels([str(name) for name in frame.columns], "name of a column", source)
    for name in (name for name in text if name in frame.columns):
        frame[name] = _as_text(frame[name])
    for name in frame.columns:
        present = frame[name].dropna()
        if present.dtype == object and len(present) and present.map(type).eq(bool).all():
            frame[name] = frame[name].astype(float)
    return frame


def _as_text(column: pd.Series) -> pd.Series:
    """Numbers as they are written, whole ones without a point; text and times stay."""
    if column.dtype.kind not in "buif":
        return column
    is_integral = column.dtype.kind == "f" and bool((column.dropna() % 1 == 0).all())
    integers = column.astype("Int64") if is_integral else column
    return integers.astype(str).where(column.notna())
