"""Parquet and Feather files as data frames, read by Apache Arrow: columns by their types."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_columns, check_memory
from tuner.errors import one_line, quoted

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".parquet"
FEATHER = ".feather"
SUFFIXES = (SUFFIX, FEATHER)
_INDEX = re.compile(r"__index_level_\d+__")  # how pandas calls an index without a name


def read(path: Path) -> pd.DataFrame:
    """Returns the rows of a file; an index that pandas wrote without a name is left out.

    Dictionaries become what they stand for, decimals float64, and times with a zone are in UTC.

    Raises:
        DataError: It is no such file, a column holds what is no plain value, or pyarrow is not
            installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as e:
        raise DataError(
            f"Expected the package pyarrow, which reads {path.suffix} files. Received: {path} "
            "where it is not installed: pip install pyarrow, or write the table as .csv."
        ) from e
    import pandas as pd

    is_feather = path.suffix.lower() == FEATHER
    kind = "Feather" if is_feather else "Parquet"
    try:
        table = _read_feather(path) if is_feather else _read_parquet(path)
    except DataError:
        raise
    except Exception as e:  # whatever Arrow makes of a damaged file
        raise DataError(
            f"Expected a {kind} file. Received: {path} ({one_line(e)}): write it again, such as "
            f"with DataFrame.to_{kind.lower()}."
        ) from e
    names = [name for name in table.column_names if not _INDEX.fullmatch(name)]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise DataError(
            f"{path}: expected columns of different names. Received: {quoted(twice)} twice: "
            "rename one of them."
        )
    columns = {name: _series(table.column(name), name, path) for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(table)))


def _read_parquet(path: Path) -> Any:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, memory_map=True) as file:
        check_columns(file.metadata.num_columns, str(path))
        check_memory(_size(file.metadata), str(path))
        return file.read()


def _read_feather(path: Path) -> Any:
    from pyarrow import feather

    check_memory(path.stat().st_size, str(path))
    table = feather.read_table(path)
    check_columns(table.num_columns, str(path))
    return table


def _size(metadata: Any) -> int:
    """Bytes of all rows once they are unpacked, at least, as the file claims."""
    groups = (metadata.row_group(group) for group in range(metadata.num_row_groups))
    unpacked = sum(group.total_byte_size for group in groups)
    return max(unpacked, metadata.num_rows * metadata.num_columns)


def _series(column: Any, name: str, path: Path) -> pd.Series:
    """A column of Arrow's as one of pandas, of a plain type."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if types.is_decimal(kind) or types.is_null(kind):
        column = column.cast(pa.float64())
    elif types.is_boolean(kind) and column.null_count:
        column = column.cast(pa.int8())
    elif types.is_date(kind):
        column = column.cast(pa.timestamp("s"))
    elif types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pa.timestamp(kind.unit))  # Arrow holds it in UTC
    elif not any(is_plain(kind) for is_plain in _plain(types)):
        raise DataError(
            f"{path}: expected columns of numbers, text, truth values or times. "
            f"Received: {quoted(name)} of type {kind}: convert or remove the column."
        )
    series = column.to_pandas()
    return pd.Series(series.to_numpy(), name=name) if series.dtype.kind in "buifM" else series


def _plain(types: Any) -> tuple[Any, ...]:
    return (
        types.is_integer,
        types.is_floating,
        types.is_boolean,
        types.is_string,
        types.is_large_string,
        types.is_string_view,
        types.is_timestamp,
    )
