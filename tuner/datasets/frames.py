"""Tables as data frames: files of several kinds, with columns of plain types.

Whatever the file: numbers and truth values are NumPy's, a truth value that is missing makes its
column numbers (1, 0, NaN), times are ``datetime64``, and the rest is text.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.datasets import parquet, tfrecords
from tuner.datasets.errors import DataError
from tuner.errors import one_line

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", parquet.SUFFIX)
KINDS = " or ".join(SUFFIXES)  # in messages


def read(path: Path, *, header: bool = True, text: Collection[str] = ()) -> pd.DataFrame:
    """Returns the rows of a file, by what its name ends in; any other is read as ``.csv``.

    Args:
        header: Whether the first line of a ``.csv`` names the columns; else they are numbered.
        text: Columns that hold text even where it looks like numbers, as ``007`` does.

    Raises:
        DataError: It is no table, or holds no rows.
    """
    if path.suffix == parquet.SUFFIX:
        frame = parquet.read(path)
    elif path.suffix in tfrecords.SUFFIXES:
        frame = tfrecords.frame(path)
    else:
        frame = _read_csv(path, header=header, text=text)
    if not len(frame):
        only = "no row" if path.suffix == parquet.SUFFIX else "a header line only"
        raise DataError(f"Expected a table with rows. Received: {path} with {only}.")
    for name in frame.columns:
        known = frame[name].dropna()
        if known.dtype == object and len(known) and known.map(type).eq(bool).all():
            frame[name] = frame[name].astype(float)
    return frame


def _read_csv(path: Path, *, header: bool, text: Collection[str]) -> pd.DataFrame:
    import pandas as pd

    try:
        # `low_memory` reads in blocks and may find another type in each of them.
        return pd.read_csv(
            path,
            low_memory=False,
            skipinitialspace=True,
            header="infer" if header else None,
            dtype=dict.fromkeys(text, str),
        )
    except (ValueError, OSError) as e:  # pandas's parser errors are all ValueErrors
        raise DataError(
            f"Expected a table of comma-separated columns with a header line. "
            f"Received: {path} ({one_line(e)}): mend the file."
        ) from e
