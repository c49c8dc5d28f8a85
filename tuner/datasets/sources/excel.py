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


def read(path: Path) -> pd.DataFrame:
    """Returns the rows of the first sheet, whose first row names the columns.

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
        frame = pd.read_excel(path)
    except Exception as e:  # whatever openpyxl makes of a damaged file
        raise DataError(
            f"Expected a file of Excel. Received: {path} ({one_line(e)}): write it again, or as "
            ".csv."
        ) from e
    check_columns(len(frame.columns), str(path))
    return frame.rename(columns=str)
