"""Tables as data frames: files of several kinds, with columns of plain types.

Whatever the file: numbers and truth values are NumPy's, a truth value that is missing makes its
column numbers (1, 0, NaN), times are ``datetime64``, and the rest is text.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_columns, check_labels
from tuner.datasets.sources import parquet, tf_examples
from tuner.datasets.sources.user_files import require_text
from tuner.errors import one_line

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", parquet.SUFFIX)
KINDS = " or ".join(SUFFIXES)  # in messages
UNNAMED = "Unnamed: 0"  # as pandas calls the first column where the file does not name it
LONGEST_HEADER = 4_000_000  # bytes of the first line
LOOK = 100  # lines that tell whether the first one is a header
LOOK_FOR_CODES = 100_000_000  # bytes: a warning is not worth minutes
_LEADING_ZERO = re.compile(rb'[,\n" +-]0\d+[" \r]*(?:[,\n]|\Z)')
_CODE = r"\s*[-+]?0\d+\s*"


def read(path: Path, *, header: bool = True, text: Collection[str] = ()) -> pd.DataFrame:
    """Returns the rows of a file, by what its name ends in; any other is read as ``.csv``.

    Args:
        header: Whether the first line of a ``.csv`` names the columns; else they are numbered.
        text: Columns that hold text even where it looks like numbers, as ``007`` does.

    Raises:
        DataError: It is no table, holds no rows, or more columns than ``limits.MOST_COLUMNS``.
    """
    return _with_plain_types(_read(path, header=header, text=text), str(path), text)


def of_memory(frame: pd.DataFrame, source: str, *, text: Collection[str] = ()) -> pd.DataFrame:
    """Returns the rows of a data frame as those of a file are.

    Args:
        source: How messages name them.
        text: As for ``read``.

    Raises:
        DataError: There are no rows.
    """
    renamed = frame.reset_index(drop=True)
    renamed.columns = renamed.columns.map(str)
    return _with_plain_types(renamed, source, text)


def _read(path: Path, *, header: bool, text: Collection[str]) -> pd.DataFrame:
    if path.suffix == parquet.SUFFIX:
        return parquet.read(path)
    if path.suffix in tf_examples.SUFFIXES:
        return tf_examples.frame(path)
    return _read_csv(path, header=header, text=text)


def _with_plain_types(frame: pd.DataFrame, source: str, text: Collection[str]) -> pd.DataFrame:
    if not len(frame):
        only = "a header line only" if source.endswith(SUFFIXES[0]) else "no row"
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


def _read_csv(path: Path, *, header: bool, text: Collection[str]) -> pd.DataFrame:
    import pandas as pd

    require_text(path)
    _check_first_line(path)
    try:
        # `low_memory` reads in blocks and may find another type in each of them.
        frame = pd.read_csv(
            path,
            low_memory=False,
            skipinitialspace=True,
            header="infer" if header else None,
            dtype=dict.fromkeys(text, str),
        )
    except Exception as e:  # whatever pandas makes of a damaged file
        raise _invalid_table(path, e) from e
    return _with_index(frame, path)


def _invalid_table(path: Path, reason: Exception) -> DataError:
    return DataError(
        f"Expected a table of comma-separated columns with a header line. "
        f"Received: {path} ({one_line(reason)}): correct the file."
    )


def _with_index(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Rows of one value more than there are names begin with an index, which has no name.

    R writes them so; of more values pandas makes several indices.
    """
    import pandas as pd

    if frame.index.equals(pd.RangeIndex(len(frame))):
        return frame
    if frame.index.nlevels > 1:
        raise DataError(
            f"{path}: expected a name for every column. Received: {len(frame.columns)} names and "
            f"{len(frame.columns) + frame.index.nlevels} values a row: correct the first line."
        )
    return frame.reset_index(names=UNNAMED)


def _check_first_line(path: Path) -> None:
    with path.open("rb") as stream:
        line = stream.readline(LONGEST_HEADER)
    if len(line) == LONGEST_HEADER:
        raise DataError(
            f"{path}: expected a first line of at most {LONGEST_HEADER:,} bytes. Received: a "
            "longer one: check that it is a table."
        )
    check_columns(line.count(b",") + 1, str(path))


def first_lines(path: Path) -> list[list[str]]:
    """Returns the values of some lines as they are written; none of what is no ``.csv``."""
    import pandas as pd

    if path.suffix == parquet.SUFFIX or path.suffix in tf_examples.SUFFIXES:
        return []
    require_text(path)
    _check_first_line(path)
    try:
        lines = pd.read_csv(
            path, header=None, dtype=str, keep_default_na=False, skipinitialspace=True, nrows=LOOK
        )
    except Exception as e:  # whatever pandas makes of a damaged file
        raise _invalid_table(path, e) from e
    return lines.to_numpy().tolist()


def codes(path: Path, frame: pd.DataFrame) -> list[str]:
    """Returns columns that were read as numbers and have leading zeros in their file, as codes do.

    Args:
        path: The file that the frame was read from.
    """
    import pandas as pd

    numeric = [place for place, kind in enumerate(frame.dtypes) if kind.kind in "iuf"]
    if path.suffix == parquet.SUFFIX or path.suffix in tf_examples.SUFFIXES or not numeric:
        return []
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        if not _LEADING_ZERO.search(
            content, 0, LOOK_FOR_CODES
        ):  # as in most tables: they are read once
            return []
    text = pd.read_csv(path, skipinitialspace=True, dtype=str, usecols=numeric)
    return [str(name) for name in text if text[name].str.fullmatch(_CODE).any()]
