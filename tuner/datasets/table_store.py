"""Data frames that are only in memory, written once so that workers read them like any table."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from storage.files.scratch import scratch
from tuner.datasets.array_store import DIGITS, FOLDER, require_local
from tuner.datasets.columns import column_kinds
from tuner.datasets.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


_WORDS_FOR_MISSING = ["NA", "N/A", "n/a", "None", "NULL", "null"]  # as pandas reads files


def is_frame(data: Any) -> TypeGuard[Any]:
    """Whether data are a data frame, of pandas or of a package that is like it, as polars is."""
    return all(hasattr(data, name) for name in ("shape", "columns", "dtypes"))


def as_pandas(data: Any) -> pd.DataFrame:
    """Returns a data frame of pandas with the columns of another one.

    Args:
        data: Of pandas, or of polars.

    Examples:
        >>> import pandas as pd
        >>> as_pandas(pd.DataFrame({"a": [1]})).columns.tolist()
        ['a']
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    return pd.DataFrame({name: data[name].to_list() for name in data.columns})


def write(data: Any, base: str) -> tuple[Path, list[str]]:
    """Writes a data frame as ``.csv`` to a file named by its hash, unless it is there.

    Args:
        data: Of pandas, whose index is a column if it has a name; or of polars.
        base: The folder of models and checkpoints.

    Returns:
        The path, and the columns of text or categories that would be read as numbers.

    Raises:
        DataError: Two columns have one name, or the folder is none that is local.
        OSError: It cannot be written.
    """
    require_local(base)
    frame = as_pandas(data)
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"Expected a data frame whose columns have different names. Received: {twice[0]!r} "
            "twice: rename one of them."
        )
    text = frame.to_csv(index=False)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    path = Path(base) / FOLDER / f"table-{digest}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch(path.parent) as folder:
            (folder / path.name).write_text(text, encoding="utf-8", newline="")
            (folder / path.name).replace(path)
    return path, [str(name) for name in frame.columns if _looks_like_numbers(frame[name])]


def holds_words_for_missing(data: Any) -> bool:
    """Whether texts of a data frame would be taken for missing, as None and NA are in a file.

    A data frame says itself what is missing.

    Args:
        data: Of pandas or of polars.
    """
    import pandas as pd

    frame = as_pandas(data)
    for place in range(len(frame.columns)):
        column = frame.iloc[:, place]
        is_text = column.dtype.kind in "OU" or isinstance(column.dtype, pd.CategoricalDtype)
        if is_text and column.isin(_WORDS_FOR_MISSING).any():
            return True
    return False


def _looks_like_numbers(column: pd.Series) -> bool:
    """Whether a column holds text or categories, all of them written as numbers are."""
    import pandas as pd

    present = column.dropna()
    if not len(present):
        return False
    is_text = column.dtype.kind in "OU" and present.map(type).eq(str).all()
    if not is_text and not isinstance(column.dtype, pd.CategoricalDtype):
        return False
    return bool(present.astype(str).map(column_kinds.is_number).all())
