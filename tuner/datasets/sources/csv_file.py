"""Tables: ``.csv`` files with a header line, numeric feature columns and one target column."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.arrays import Arrays, Rows
from tuner.datasets.errors import DataError
from tuner.datasets.files import require_file
from tuner.datasets.spec import DataSpec
from tuner.errors import did_you_mean, one_line

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORM = "FILE.csv with --target COLUMN"
SUMMARY = "numeric columns, and one target column of numbers or labels"
TAKES_TARGET = True

_COLUMNS_SHOWN = 8


def accepts(source: str) -> bool:
    """Whether the source ends in ``.csv``."""
    return source.endswith(".csv")


def read(spec: DataSpec) -> Arrays:
    """Returns the columns in the file's order as float64 ``(rows, columns)``, and the target.

    Raises:
        DataError: The file cannot be read as a table, the target column is not in it, a feature
            column is not numeric, or a value is missing.
    """
    frame = read_table(require_file(spec.source))
    target = _target_column(frame, spec)
    weights = _weights(frame, spec, target)
    features = frame.drop(columns=[target, *([] if weights is None else [spec.weights])])
    if not len(features.columns):
        raise DataError(
            f"{spec.source}: expected feature columns beside the target. "
            f"Received: {target!r} alone: check that columns are separated by commas."
        )
    for column in features.columns:
        check_numeric(features[column], spec.source)
    for column in frame.columns:
        check_complete(frame[column], spec.source)
    rows = Rows(x=features.to_numpy(dtype=np.float64), y=_targets(frame[target]), weights=weights)
    return Arrays(parts={"train": rows}, columns=tuple(map(str, features.columns)))


def read_table(path: Path, *, header: bool = True) -> pd.DataFrame:
    """Returns the rows of a file.

    Args:
        header: Whether the first line names the columns; else they are numbered from 0.

    Raises:
        DataError: It is no table, or holds no rows.
    """
    import pandas as pd

    try:
        # `low_memory` reads in blocks and may find another type in each of them.
        frame = pd.read_csv(
            path, low_memory=False, skipinitialspace=True, header="infer" if header else None
        )
    except (ValueError, OSError) as e:  # pandas's parser errors are all ValueErrors
        raise DataError(
            f"Expected a table of comma-separated columns with a header line. "
            f"Received: {path} ({one_line(e)}): mend the file."
        ) from e
    if not len(frame):
        raise DataError(f"Expected a table with rows. Received: {path} with a header line only.")
    return frame


def _target_column(frame: pd.DataFrame, spec: DataSpec) -> str:
    columns = [str(column) for column in frame.columns]
    shown = ", ".join(columns[:_COLUMNS_SHOWN]) + (", ..." if columns[_COLUMNS_SHOWN:] else "")
    if spec.target is None:
        raise DataError(
            f"{spec.source}: expected the column to predict. Received: none: "
            f"add --target COLUMN, one of {shown}."
        )
    if spec.target not in columns:
        raise DataError(
            f"{spec.source}: expected --target to be one of its columns ({shown}). "
            f"Received: {spec.target!r}.{did_you_mean(spec.target, columns)}"
        )
    return spec.target


def _weights(frame: pd.DataFrame, spec: DataSpec, target: str) -> NDArray[Any] | None:
    if spec.weights is None:
        return None
    columns = [str(column) for column in frame.columns if column != target]
    if spec.weights not in columns:
        raise DataError(
            f"{spec.source}: expected --weights to be one of its columns beside the target. "
            f"Received: {spec.weights!r}.{did_you_mean(spec.weights, columns)}"
        )
    check_numeric(frame[spec.weights], spec.source)
    check_complete(frame[spec.weights], spec.source)
    weights: NDArray[Any] = frame[spec.weights].to_numpy()
    return weights


def check_numeric(column: pd.Series, source: str) -> None:
    """Raises DataError unless a column holds numbers."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column):
        return
    text = column.astype(str)[column.notna()]
    first = next((value for value in text if not is_number(value)), "no number")
    raise DataError(
        f"{source}: expected numbers in every feature column. "
        f"Received: {first!r} in column {str(column.name)!r}: encode or remove the column."
    )


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_complete(column: pd.Series, source: str) -> None:
    """Raises DataError where a value of a column is missing."""
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"{source}: expected a value in every row. Received: {missing.sum()} missing in "
            f"column {str(column.name)!r}, the first in data row {missing.argmax() + 1}: "
            "fill them in or remove these rows."
        )


def _targets(column: pd.Series) -> NDArray[Any]:
    """Returns numbers and booleans as they are, everything else as text."""
    values: NDArray[Any] = column.to_numpy()
    if values.dtype.kind in "buif":
        return values
    return column.astype(str).to_numpy().astype(np.str_)
