"""Sheets of Excel as data frames; the first one of a file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_columns
from tuner.errors import one_line

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".xlsx"
_CODE = r"\s*[-+]?0\d+\s*"  # a whole number with leading zeros


def read(path: Path, *, keeps_texts: bool = False) -> pd.DataFrame:
    """Returns the rows of the first sheet, whose first row names the columns.

    Args:
        path: The file.
        keeps_texts: Whether texts such as NA are values as all others.

    Raises:
        DataError: It is no such file, or openpyxl is not installed.
    """
    import pandas as pd

    if find_spec("openpyxl") is None:
        raise DataError(
            f"Expected the package openpyxl, which reads {SUFFIX} files. Received: {path} where it "
            "is not installed: pip install openpyxl, or write the table as .csv."
        )
    try:
        # Else text such as 007 would be numbers.
        frame = pd.read_excel(path, dtype=object, keep_default_na=not keeps_texts)
    except Exception as e:  # whatever openpyxl makes of a damaged file
        raise DataError(
            f"Expected a file of Excel. Received: {path} ({one_line(e)}): write it again, or as "
            ".csv."
        ) from e
    check_columns(len(frame.columns), str(path))
    return with_cell_types(frame.rename(columns=str))


def with_cell_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns columns of the types of their cells, of which numbers may be stored as text.

    Args:
        frame: Cells as they are. A column becomes text where one of its texts has leading zeros,
            or is no number.
    """
    import pandas as pd

    typed = frame.infer_objects()
    for place in range(len(typed.columns)):
        column = typed.iloc[:, place]
        if column.dtype != object:
            continue
        is_text = column.map(type).eq(str)
        others = column[~is_text & column.notna()].map(type)
        if not is_text.any() or not others.isin([int, float]).all():
            continue
        numbers = pd.to_numeric(column, errors="coerce")
        if numbers.notna().eq(column.notna()).all() and not _has_code(column[is_text]):
            column = numbers
        else:
            column = column.map(str).where(column.notna())
        typed.isetitem(place, column)
    return typed


def _has_code(texts: pd.Series) -> bool:
    return bool(texts.str.fullmatch(_CODE).any())
