"""Tables: files with named columns of numbers, categories, dates or texts, and a target."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets import columns, frames, tfrecords
from tuner.datasets.arrays import Arrays, Rows
from tuner.datasets.columns import NUMBER, check_complete, check_numeric, is_numeric, shown
from tuner.datasets.errors import DataError
from tuner.datasets.files import require_file
from tuner.datasets.spec import DataSpec
from tuner.errors import did_you_mean, one_line

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORM = "FILE.csv or FILE.parquet with --target COLUMN"
SUMMARY = "columns of numbers, categories, dates or texts, and a target column or several"
TAKES_TARGET = True


def accepts(source: str) -> bool:
    """Whether the source ends in ``.csv`` or ``.parquet``."""
    return source.endswith(frames.SUFFIXES)


def read(spec: DataSpec) -> Arrays:
    """Returns the columns in the file's order, and the target, or several with their names.

    Where all are numbers they come as float64 ``(rows, columns)``, else as a structured array, see
    ``tuner.datasets.encoding``. What a column holds is found from the file of the training rows;
    those of further parts must hold the same.

    Raises:
        DataError: The file cannot be read as a table, a target column is not in it, one of several
            holds no numbers, a feature column holds nothing that a model could be given, or a value
            is missing where it may not.
    """
    frame = frames.read(require_file(spec.source))
    layout = _layout(frame, spec)
    parts = {"train": _rows(frame, layout, spec, spec.source, _blocks(frame, spec, layout.targets))}
    for part, path in spec.given.items():
        parts[part] = _further(path, layout, spec, text=parts["train"].y.dtype.kind == "U")
    return Arrays(
        parts=parts,
        columns=tuple(layout.kinds),
        targets=tuple(layout.targets) if len(layout.targets) > 1 else None,
        by_time=spec.split_by_time is not None,
    )


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the columns of a table are.

    Attributes:
        kinds: What each feature holds, in the order of the file.
        targets: The columns that are predicted.
    """

    kinds: Mapping[str, str]
    targets: list[str]


def _layout(frame: pd.DataFrame, spec: DataSpec) -> Layout:
    targets = _target_columns(frame, spec)
    aside = {*targets, spec.weights, spec.group, spec.split_by_time}
    features = frame[[name for name in frame.columns if str(name) not in aside]]
    if not len(features.columns):
        raise DataError(
            f"{spec.source}: expected feature columns beside the target. "
            f"Received: {', '.join(targets)!r} alone: check that columns are separated by commas."
        )
    for name in spec.text:
        if name not in features.columns:
            raise DataError(
                f"{spec.source}: expected --text to be one of its columns beside the target "
                f"({shown(list(features.columns))}). Received: {name!r}."
                f"{did_you_mean(name, map(str, features.columns))}"
            )
    kinds = columns.find_kinds(features, spec.source, missing=spec.impute, text=spec.text)
    return Layout(kinds=kinds, targets=targets)


def _rows(
    frame: pd.DataFrame,
    layout: Layout,
    spec: DataSpec,
    source: str,
    blocks: NDArray[Any] | None = None,
) -> Rows:
    """The rows of a frame that holds what a layout says."""
    for name in layout.targets:
        check_complete(frame[name], source)
    mixed = spec.impute or any(kind != NUMBER for kind in layout.kinds.values())
    return Rows(
        x=columns.as_rows(frame, layout.kinds, source, mixed=mixed),
        y=_targets(frame, layout.targets, source),
        weights=_weights(frame, spec, layout.targets, source),
        blocks=blocks,
    )


def _further(path: str, layout: Layout, spec: DataSpec, *, text: bool) -> Rows:
    """The rows of another part, in a file of its own.

    Args:
        text: Whether the targets are text.
    """
    # Whoever reads a table need not import TensorFlow, unless the training rows ask for it.
    with_tensorflow = tfrecords.SUFFIXES if spec.source.endswith(tfrecords.SUFFIXES) else ()
    if not path.endswith((*frames.SUFFIXES, *with_tensorflow)):
        raise DataError(f"Expected a table ({frames.KINDS}), as --data is. Received: {path}.")
    words = [name for name, kind in layout.kinds.items() if kind != NUMBER]
    frame = frames.read(require_file(path), text=[*words, *(layout.targets if text else ())])
    aside = [name for name in (spec.group, spec.split_by_time) if name is not None]
    weights = [] if spec.weights is None else [spec.weights]
    frame = columns.select(frame, [*layout.kinds, *layout.targets, *weights], aside, path)
    columns.check_kinds(frame, layout.kinds, path, missing=spec.impute)
    return _rows(frame, layout, spec, path)


def _target_columns(frame: pd.DataFrame, spec: DataSpec) -> list[str]:
    """The column that ``--target`` names, or several with commas between."""
    names = [str(name) for name in frame.columns]
    if spec.target is None:
        raise DataError(
            f"{spec.source}: expected the column to predict. Received: none: "
            f"add --target COLUMN, one of {shown(names)}."
        )
    targets = split_names(spec.target, names)
    for name in targets:
        if name not in names:
            raise DataError(
                f"{spec.source}: expected --target to be one of its columns ({shown(names)}). "
                f"Received: {name!r}.{did_you_mean(name, names)}"
            )
        if targets.count(name) > 1:
            raise DataError(
                f"{spec.source}: expected different columns in --target. Received: {name!r} twice."
            )
    return targets


def split_names(text: str, names: Collection[str]) -> list[str]:
    """``a,b`` as two names, unless that is one of the columns itself."""
    return [text] if text in names else [name.strip() for name in text.split(",")]


def _weights(
    frame: pd.DataFrame, spec: DataSpec, targets: Collection[str], source: str
) -> NDArray[Any] | None:
    if spec.weights is None:
        return None
    _check_beside("--weights", spec.weights, frame, targets, source)
    check_numeric(frame[spec.weights], source)
    check_complete(frame[spec.weights], source)
    weights: NDArray[Any] = frame[spec.weights].to_numpy()
    return weights


def _blocks(frame: pd.DataFrame, spec: DataSpec, targets: Collection[str]) -> NDArray[Any] | None:
    """The position of each row's group, or of its time; these columns are no features."""
    option, name = (
        ("--group", spec.group) if spec.group else ("--split-by-time", spec.split_by_time)
    )
    if name is None:
        return None
    _check_beside(option, name, frame, targets, spec.source)
    column = frame[name]
    check_complete(column, spec.source)
    if spec.group is not None:
        column = column.astype(str)
    elif not is_numeric(column):
        column = _times(column, spec.source)
    return np.unique(column.to_numpy(), return_inverse=True)[1].astype(np.int64)


def _check_beside(
    option: str, name: str, frame: pd.DataFrame, targets: Collection[str], source: str
) -> None:
    names = [str(column) for column in frame.columns if column not in targets]
    if name not in names:
        raise DataError(
            f"{source}: expected {option} to be one of its columns beside the target. "
            f"Received: {name!r}.{did_you_mean(name, names)}"
        )


def _times(column: pd.Series, source: str) -> pd.Series:
    import pandas as pd

    try:
        return pd.to_datetime(column, format="ISO8601", utc=True)
    except (ValueError, TypeError) as e:
        raise DataError(
            f"{source}: expected numbers or times such as 2024-01-31 or 2024-01-31T12:30 in column "
            f"{str(column.name)!r}. Received: {one_line(e)}."
        ) from e


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
