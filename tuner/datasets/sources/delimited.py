"""Tables as text: a row a line, with commas or something else between values."""

from __future__ import annotations

import dataclasses
import io
import mmap
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_columns
from tuner.datasets.sources.separators import LOOK, find_separator, has_decimal_comma
from tuner.datasets.sources.text_encoding import is_packed, open_binary, require_encoding
from tuner.datasets.sources.user_files import require_text
from tuner.datasets.table_format import TableFormat
from tuner.errors import one_line

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".txt")
UNNAMED = "Unnamed: 0"  # as pandas calls the first column where the file does not name it
LONGEST_HEADER = 4_000_000  # bytes of the first line
LOOK_FOR_CODES = 100_000_000  # bytes: a warning is not worth minutes
_LEADING_ZERO = re.compile(rb'[,;|\t\n" +-]0\d+[" \r]*(?:[,;|\t\n]|\Z)')
_SEPARATOR_LINE = re.compile(r'\ufeff?"?sep=(.)"?\r?\n')
_LONGEST_SEPARATOR_LINE = 12  # letters
_CODE = r"\s*[-+]?0\d+\s*"


def find_format(path: Path, asked: TableFormat, *, like: TableFormat | None = None) -> TableFormat:
    """Returns how a file is written, with all that its text tells.

    Args:
        asked: What is known of it; None is found.
        like: How a file was written whose rows a model learned, where this is another one: taken
            where nothing speaks against it.

    Raises:
        DataError: It is no text, or its first line is none of a table.
    """
    if not asked.lenient:
        require_text(path)
        _check_first_line(_first_lines(path, "utf-8", "replace"), asked.separator or ",", path)
        return asked
    encoding = require_encoding(path, asked.encoding, None if like is None else like.encoding)
    lines = _first_lines(path, encoding)
    if said := _SEPARATOR_LINE.match(lines):
        lines = lines[said.end() :]
        separator = asked.separator or said[1]
    else:
        separator = asked.separator or find_separator(
            lines, None if like is None else like.separator
        )
    _check_first_line(lines, separator, path)
    decimal = asked.decimal
    if decimal is None and like is not None and like.separator == separator:
        decimal = like.decimal
    if decimal is None and has_decimal_comma(lines, separator):
        decimal = ","
    return dataclasses.replace(asked, encoding=encoding, separator=separator, decimal=decimal)


def read(
    path: Path, table_format: TableFormat, *, header: bool = True, text: Collection[str] = ()
) -> pd.DataFrame:
    """Returns the rows of a file.

    Args:
        path: The file.
        table_format: How it is written, as ``find_format`` says.
        header: Whether the first line names the columns; else they are numbered.
        text: Columns that hold text even where it looks like numbers.

    Raises:
        DataError: It is no table.
    """
    import pandas as pd

    try:
        # `low_memory` reads in blocks and may find another type in each of them.
        frame = pd.read_csv(
            path,
            low_memory=False,
            skipinitialspace=True,
            header="infer" if header else None,
            dtype=dict.fromkeys(text, str),
            **_options(path, table_format),
        )
    except Exception as e:  # whatever pandas makes of a damaged file
        raise _invalid_table(path, table_format, e) from e
    return _with_index(frame, path)


def first_lines(path: Path, table_format: TableFormat) -> list[list[str]]:
    """Returns the values of some lines as they are written.

    Args:
        path: The file.
        table_format: How it is written, as ``find_format`` says.
    """
    import pandas as pd

    try:
        lines = pd.read_csv(
            path,
            header=None,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            nrows=LOOK,
            **_options(path, table_format),
        )
    except Exception as e:  # whatever pandas makes of a damaged file
        raise _invalid_table(path, table_format, e) from e
    return lines.to_numpy().tolist()


def codes(path: Path, table_format: TableFormat, frame: pd.DataFrame) -> list[str]:
    """Returns columns that were read as numbers and have leading zeros in their file, as codes do.

    Args:
        path: The file that the frame was read from.
        table_format: How it is written.
        frame: What was read.
    """
    import pandas as pd

    numeric = [place for place, name in enumerate(frame) if _are_whole(frame[name])]
    if not numeric or not _may_have_codes(path, table_format):
        return []
    options = _options(path, table_format)
    text = pd.read_csv(path, skipinitialspace=True, dtype=str, usecols=numeric, **options)
    return [str(name) for name in text if text[name].str.fullmatch(_CODE).any()]


def _are_whole(column: pd.Series) -> bool:
    """Whether a column holds whole numbers only, as codes are."""
    if column.dtype.kind in "iu":
        return True
    return bool(column.dtype.kind == "f" and (column.dropna() % 1 == 0).all())


def _may_have_codes(path: Path, table_format: TableFormat) -> bool:
    """Whether a number with a leading zero is in a file: as in most tables there is none."""
    if is_packed(path) or str(table_format.encoding).startswith(("utf-16", "utf-32")):
        with open_binary(path) as stream:
            return _LEADING_ZERO.search(stream.read(LOOK_FOR_CODES).replace(b"\0", b"")) is not None
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return _LEADING_ZERO.search(content, 0, LOOK_FOR_CODES) is not None


def _options(path: Path, table_format: TableFormat) -> dict[str, Any]:
    """How a file is written, in the words of ``pandas.read_csv``."""
    return {
        "sep": table_format.separator,
        "encoding": table_format.encoding,
        "compression": "gzip" if is_packed(path) else None,
        "skiprows": int(table_format.lenient and _begins_with_separator(path, table_format)),
        "decimal": table_format.decimal or ".",
    }


def _begins_with_separator(path: Path, table_format: TableFormat) -> bool:
    """Whether the first line only says what separates values, as Excel writes it."""
    with io.TextIOWrapper(open_binary(path), encoding=table_format.encoding, newline="") as stream:
        return _SEPARATOR_LINE.match(stream.read(_LONGEST_SEPARATOR_LINE)) is not None


def _first_lines(path: Path, encoding: str, errors: str = "strict") -> str:
    """As much of a file as tells how it is written."""
    with io.TextIOWrapper(
        open_binary(path), encoding=encoding, errors=errors, newline=""
    ) as stream:
        lines = [stream.readline(LONGEST_HEADER)]
        while len(lines) <= LOOK and (line := stream.readline(LONGEST_HEADER // LOOK)):
            lines.append(line)
    return "".join(lines)


def _check_first_line(lines: str, separator: str, path: Path) -> None:
    line = lines.partition("\n")[0]
    if len(line) >= LONGEST_HEADER:
        raise DataError(
            f"{path}: expected a first line of at most {LONGEST_HEADER:,} bytes. Received: a "
            "longer one: check that it is a table."
        )
    check_columns(line.count(separator) + 1, str(path))


def _invalid_table(path: Path, table_format: TableFormat, reason: Exception) -> DataError:
    separated = {",": "comma-separated columns", "\t": "columns with tabs between"}.get(
        table_format.separator or ",", f"columns with {table_format.separator!r} between"
    )
    return DataError(
        f"Expected a table of {separated} with a header line. "
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
