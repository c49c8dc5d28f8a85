"""Tables as text: a row a line, with commas or something else between values."""

from __future__ import annotations

import dataclasses
import io
import mmap
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_columns
from tuner.datasets.sources.separators import LOOK, find_separator, has_decimal_comma, rows_of
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
_GROUPED = r"\s*[-+]?[1-9]\d{0,2}\.\d{3}\s*"  # thousands, or a fraction of three digits
_SMALL = r"\s*[-+]?\d{1,3}\s*"


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
    options: dict[str, Any] = {"header": "infer" if header else None}
    options["dtype"] = dict.fromkeys(text, str)
    if table_format.keeps_texts:
        options |= {"keep_default_na": False, "na_values": [""]}
    frame = _parse(path, table_format, **options)
    if _names_all_columns(frame, path, table_format):
        return frame
    if table_format.lenient and _ends_empty(frame, path, table_format):
        return _parse(path, table_format, **options, index_col=False)
    return _with_index(frame, path, table_format)


def _parse(path: Path, table_format: TableFormat, **options: Any) -> pd.DataFrame:
    """What pandas makes of a file with these options."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            # Of values beyond the last name, which are left out only where they are empty.
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            # `low_memory` reads in blocks and may find another type in each of them.
            return pd.read_csv(
                path,
                low_memory=False,
                skipinitialspace=True,
                **_options(path, table_format),
                **options,
            )
    except Exception as e:  # whatever pandas makes of a damaged file
        raise _invalid_table(path, table_format, e) from e


def first_lines(path: Path, table_format: TableFormat) -> list[list[str]]:
    """Returns the values of some lines as they are written.

    Args:
        path: The file.
        table_format: How it is written, as ``find_format`` says.
    """
    import pandas as pd

    options = _options(path, table_format)
    if table_format.lenient:  # rows may end with a separator that the first line has not
        text = _without_separator_line(_first_lines(path, table_format.encoding or "utf-8"))
        return rows_of(text, table_format.separator or ",")
    try:
        lines = pd.read_csv(
            path,
            header=None,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            nrows=LOOK,
            **options,
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
    numeric = [name for name in frame if _are_whole(frame[name])]
    if not numeric or not _may_have_codes(path, table_format):
        return []
    text = read(path, table_format, text=list(map(str, numeric)))
    return [name for name in map(str, numeric) if text[name].astype(str).str.fullmatch(_CODE).any()]


def grouped(path: Path, table_format: TableFormat, frame: pd.DataFrame) -> dict[str, str | None]:
    """Returns columns of which all numbers with a point may have it between thousands.

    Args:
        path: The file that the frame was read from.
        table_format: How it is written.
        frame: What was read, with a decimal point.

    Returns:
        By name the first such text where others have no point, as the thousands of German tables
        are written; else None: all may be numbers of three decimals.
    """
    likely = [str(name) for name in frame if _may_be_grouped(frame[name])]
    if not likely:
        return {}
    text = read(path, table_format, text=likely)
    found: dict[str, str | None] = {}
    for name in likely:
        present = text[name].dropna()
        is_grouped = present.str.fullmatch(_GROUPED)
        if (is_grouped | present.str.fullmatch(_SMALL)).all():
            found[name] = None if is_grouped.all() else present[is_grouped].iloc[0].strip()
    return found


def _may_be_grouped(column: pd.Series) -> bool:
    """Whether fractions have at most three digits, and numbers before them as well."""
    if column.dtype.kind != "f":
        return False
    numbers = column.dropna().abs()
    is_fraction = numbers % 1 != 0
    fractions = numbers[is_fraction]
    if not len(fractions) or not fractions.between(1, 1000).all() or (numbers >= 1000).any():
        return False
    return bool(((fractions * 1000).round() / 1000 == fractions).all())


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


def _without_separator_line(lines: str) -> str:
    said = _SEPARATOR_LINE.match(lines)
    return lines[said.end() :] if said else lines


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


def _names_all_columns(frame: pd.DataFrame, path: Path, table_format: TableFormat) -> bool:
    """Whether rows have no more values than there are names; pandas makes an index of the first."""
    import pandas as pd

    if not frame.index.equals(pd.RangeIndex(len(frame))):
        return False
    if not table_format.lenient:
        return True
    # An index that counts from 0 on looks as none.
    lines = _first_lines(path, table_format.encoding or "utf-8")
    rows = rows_of(_without_separator_line(lines), table_format.separator or ",")
    return len(rows) < 2 or len(rows[1]) <= len(rows[0])


def _ends_empty(frame: pd.DataFrame, path: Path, table_format: TableFormat) -> bool:
    """Whether rows have one value more than there are names as they end with a separator."""
    if frame.index.nlevels > 1 or frame.iloc[:, -1].notna().any():
        return False
    text = _parse(path, table_format, dtype=str, keep_default_na=False)  # tells NA from nothing
    return bool(text.iloc[:, -1].fillna("").str.strip().eq("").all())


def _with_index(frame: pd.DataFrame, path: Path, table_format: TableFormat) -> pd.DataFrame:
    """Rows of one value more than there are names begin with an index, which has no name.

    R writes them so; of more values pandas makes several indices.
    """
    more = len(frame.columns) + frame.index.nlevels
    if frame.index.nlevels > 1 or (
        table_format.lenient and not _is_index(frame.index, path, table_format)
    ):
        raise DataError(
            f"{path}: expected a name for every column. Received: {len(frame.columns)} names and "
            f"{more} values a row: correct the first line, or put text that holds "
            f"{table_format.separator!r} into quotes."
        )
    return frame.reset_index(names=UNNAMED)


def _is_index(index: pd.Index[Any], path: Path, table_format: TableFormat) -> bool:
    """Whether values before the first name are those of an index: quoted, or counting the rows.

    Else a text in each row may hold what separates values, which moves all that come after it.
    """
    if not index.is_unique:
        return False
    lines = _first_lines(path, table_format.encoding or "utf-8").splitlines()
    if all(line.startswith('"') for line in lines[1:] if line.strip()):
        return True
    is_whole = index.dtype.kind in "iu"
    return bool(is_whole and index.max() - index.min() == len(index) - 1)
