"""Tables: ``.csv`` files with a header line, columns of numbers or categories, and a target."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.arrays import Arrays, Rows
from tuner.datasets.checks import LARGEST
from tuner.datasets.errors import DataError
from tuner.datasets.files import require_file
from tuner.datasets.spec import DataSpec
from tuner.errors import did_you_mean, one_line

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORM = "FILE.csv with --target COLUMN"
SUMMARY = "columns of numbers or categories, and a target column of numbers or labels, or several"
TAKES_TARGET = True

MOST_CATEGORIES = 100  # of a column
_ROWS_PER_CATEGORY = 2  # on average; a text that stands in one row tells nothing of others
_COLUMNS_SHOWN = 8


def accepts(source: str) -> bool:
    """Whether the source ends in ``.csv``."""
    return source.endswith(".csv")


def read(spec: DataSpec) -> Arrays:
    """Returns the columns in the file's order, and the target, or several with their names.

    Where all are numbers they come as float64 ``(rows, columns)``, else as a structured array, see
    ``tuner.datasets.encoding``.

    Raises:
        DataError: The file cannot be read as a table, a target column is not in it, one of several
            holds no numbers, a feature column holds neither numbers nor few categories, or a value
            is missing where it may not.
    """
    frame = read_table(require_file(spec.source))
    targets = _target_columns(frame, spec)
    weights = _weights(frame, spec, targets)
    aside = (*targets, spec.weights, spec.group, spec.split_by_time)
    blocks = _blocks(frame, spec, targets)
    features = frame.drop(columns=list({name for name in aside if name is not None}))
    if not len(features.columns):
        raise DataError(
            f"{spec.source}: expected feature columns beside the target. "
            f"Received: {', '.join(targets)!r} alone: check that columns are separated by commas."
        )
    for column in targets:
        check_complete(frame[column], spec.source)
    for column in features.columns:
        _check_column(features[column], spec)
    rows = Rows(
        x=_features(features, impute=spec.impute),
        y=_targets(frame, targets, spec.source),
        weights=weights,
        blocks=blocks,
    )
    return Arrays(
        parts={"train": rows},
        columns=tuple(map(str, features.columns)),
        targets=tuple(targets) if len(targets) > 1 else None,
    )


def _features(frame: pd.DataFrame, *, impute: bool) -> NDArray[Any]:
    if not impute and all(is_numeric(frame[name]) for name in frame.columns):
        return frame.to_numpy(dtype=np.float64)
    return structured(frame, {str(name): is_numeric(frame[name]) for name in frame.columns})


def structured(frame: pd.DataFrame, numeric: Mapping[str, bool]) -> NDArray[Any]:
    """Returns columns as a structured array ``(rows,)``, numbers as float64, the others as text.

    Args:
        numeric: By name, in the order in which the columns shall come.
    """
    columns = {
        name: frame[name].to_numpy(dtype=np.float64) if number else _texts(frame[name])
        for name, number in numeric.items()
    }
    rows = np.empty(len(frame), dtype=[(name, c.dtype) for name, c in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    return rows


def _texts(column: pd.Series) -> NDArray[np.str_]:
    present = column.notna()
    return column.astype(str).where(present, "").to_numpy().astype(np.str_)


def is_numeric(column: pd.Series) -> bool:
    """Whether a column holds real numbers or truth values."""
    import pandas as pd

    is_complex = pd.api.types.is_complex_dtype(column)
    return bool(pd.api.types.is_numeric_dtype(column) and not is_complex)


def _check_column(column: pd.Series, spec: DataSpec) -> None:
    if not spec.impute:
        check_complete(column, spec.source, hint="fill them in, remove these rows, or add --impute")
    if column.isna().all():
        raise DataError(
            f"{spec.source}: expected a value in column {str(column.name)!r}. Received: none: "
            "remove the column."
        )
    if is_numeric(column):
        _check_finite(column, spec.source)
    else:
        _check_categories(column, spec.source)


def _check_finite(column: pd.Series, source: str) -> None:
    wrong = (column.abs() > LARGEST).to_numpy()
    if wrong.any():
        raise DataError(
            f"{source}: expected finite numbers up to {LARGEST:g}. Received: "
            f"{column.iloc[wrong.argmax()]} in row {wrong.argmax()} of column "
            f"{str(column.name)!r}: mend or remove it."
        )


def _check_categories(column: pd.Series, source: str) -> None:
    known = column.dropna().astype(str)
    if known.map(is_number).mean() > 0.5:  # numbers, some of them mistyped
        check_numeric(column, source)
    count = known.nunique()
    if count > MOST_CATEGORIES or _ROWS_PER_CATEGORY * count > len(known):
        raise DataError(
            f"{source}: expected numbers, or at most {MOST_CATEGORIES} categories that stand in "
            f"several rows, in every feature column. Received: {known.iloc[0]!r} in column "
            f"{str(column.name)!r} and {count - 1} others in {len(known)} rows: encode or remove "
            "the column."
        )


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


def _target_columns(frame: pd.DataFrame, spec: DataSpec) -> list[str]:
    """The column that ``--target`` names, or several with commas between."""
    columns = [str(column) for column in frame.columns]
    shown = ", ".join(columns[:_COLUMNS_SHOWN]) + (", ..." if columns[_COLUMNS_SHOWN:] else "")
    if spec.target is None:
        raise DataError(
            f"{spec.source}: expected the column to predict. Received: none: "
            f"add --target COLUMN, one of {shown}."
        )
    named = split_names(spec.target, columns)
    for name in named:
        if name not in columns:
            raise DataError(
                f"{spec.source}: expected --target to be one of its columns ({shown}). "
                f"Received: {name!r}.{did_you_mean(name, columns)}"
            )
        if named.count(name) > 1:
            raise DataError(
                f"{spec.source}: expected different columns in --target. Received: {name!r} twice."
            )
    return named


def split_names(text: str, columns: Collection[str]) -> list[str]:
    """``a,b`` as two names, unless that is one of the columns itself."""
    return [text] if text in columns else [name.strip() for name in text.split(",")]


def _weights(frame: pd.DataFrame, spec: DataSpec, targets: Collection[str]) -> NDArray[Any] | None:
    if spec.weights is None:
        return None
    columns = [str(column) for column in frame.columns if column not in targets]
    if spec.weights not in columns:
        raise DataError(
            f"{spec.source}: expected --weights to be one of its columns beside the target. "
            f"Received: {spec.weights!r}.{did_you_mean(spec.weights, columns)}"
        )
    check_numeric(frame[spec.weights], spec.source)
    check_complete(frame[spec.weights], spec.source)
    weights: NDArray[Any] = frame[spec.weights].to_numpy()
    return weights


def _blocks(frame: pd.DataFrame, spec: DataSpec, targets: Collection[str]) -> NDArray[Any] | None:
    """The position of each row's group, or of its time; these columns are no features."""
    option, name = (
        ("--group", spec.group) if spec.group else ("--split-by-time", spec.split_by_time)
    )
    if name is None:
        return None
    columns = [str(column) for column in frame.columns if column not in targets]
    if name not in columns:
        raise DataError(
            f"{spec.source}: expected {option} to be one of its columns beside the target. "
            f"Received: {name!r}.{did_you_mean(name, columns)}"
        )
    column = frame[name]
    check_complete(column, spec.source)
    if spec.group is not None:
        column = column.astype(str)
    elif not is_numeric(column):
        column = _times(column, spec.source)
    return np.unique(column.to_numpy(), return_inverse=True)[1].astype(np.int64)


def _times(column: pd.Series, source: str) -> pd.Series:
    import pandas as pd

    try:
        return pd.to_datetime(column, format="ISO8601", utc=True)
    except (ValueError, TypeError) as e:
        raise DataError(
            f"{source}: expected numbers or times such as 2024-01-31 or 2024-01-31T12:30 in column "
            f"{str(column.name)!r}. Received: {one_line(e)}."
        ) from e


def check_numeric(column: pd.Series, source: str, *, what: str = "feature column") -> None:
    """Raises DataError unless a column holds numbers."""
    if is_numeric(column):
        return
    text = column.astype(str)[column.notna()]
    first = next((value for value in text if not is_number(value)), "no number")
    raise DataError(
        f"{source}: expected numbers in every {what}. "
        f"Received: {first!r} in column {str(column.name)!r}: encode or remove the column."
    )


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_complete(
    column: pd.Series, source: str, *, hint: str = "fill them in or remove these rows"
) -> None:
    """Raises DataError where a value of a column is missing."""
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"{source}: expected a value in every row. Received: {missing.sum()} missing in "
            f"column {str(column.name)!r}, the first in data row {missing.argmax() + 1}: "
            f"{hint}."
        )


def _targets(frame: pd.DataFrame, names: list[str], source: str) -> NDArray[Any]:
    """Returns numbers and booleans as they are, everything else as text; of several ``(rows, n)``.

    Raises:
        DataError: One of several holds no numbers.
    """
    if len(names) > 1:
        for name in names:
            check_numeric(frame[name], source, what="target column where there are several")
        numbers: NDArray[Any] = frame[names].to_numpy(dtype=np.float64)
        return numbers
    column = frame[names[0]]
    values: NDArray[Any] = column.to_numpy()
    if values.dtype.kind in "buif":
        return values
    return column.astype(str).to_numpy().astype(np.str_)
