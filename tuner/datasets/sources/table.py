"""Tables: files with named columns of numbers, categories, dates or texts, and a target."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.columns import column_kinds, index_columns, row_times
from tuner.datasets.columns.column_kinds import (
    CATEGORY,
    NUMBER,
    check_complete,
    check_numeric,
    is_numeric,
)
from tuner.datasets.columns.column_names import shown
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_labels
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.sources import data_frames, tf_examples, time_series
from tuner.datasets.sources.source import Source, one_file
from tuner.datasets.sources.user_files import require_file
from tuner.errors import did_you_mean, quoted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def accepts(source: str) -> bool:
    """Whether the source ends in ``.csv`` or ``.parquet``."""
    return source.endswith(data_frames.SUFFIXES)


def read(spec: DataSpec) -> Arrays:
    """Returns the columns in the file's order, and the target, or several with their names.

    Where all are numbers they come as float64 ``(rows, columns)``, else as a structured array, see
    ``tuner.datasets.columns.encoding``. What a column holds is found from the file of the training
    rows; those of further parts must hold the same.

    Raises:
        DataError: The file cannot be read as a table, a target column is not in it, one of several
            holds no numbers, a feature column holds nothing that a model could be given, or a value
            is missing where it may not.
    """
    file = require_file(spec.source)
    named = [name for text in spec.categories for name in (text, *split_names(text, ()))]
    frame = data_frames.read(file, text=named)
    if spec.window is not None:
        return _windows(frame, spec)
    layout = _layout(frame, spec)
    parts = {"train": _rows(frame, layout, spec, spec.source, _blocks(frame, spec, layout.targets))}
    for part, path in spec.given.items():
        parts[part] = _read_part(path, layout, spec, text=parts["train"].y.dtype.kind == "U")
    return Arrays(
        parts=parts,
        columns=tuple(layout.kinds),
        targets=tuple(layout.targets) if len(layout.targets) > 1 else None,
        by_time=spec.split_by_time is not None,
        dropped=layout.dropped,
        notes=tuple(_notes(frame, file, layout, spec)),
    )


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the columns of a table are.

    Attributes:
        kinds: What each feature holds, in the order of the file.
        targets: The columns that are predicted.
        dropped: Columns that are no features.
        counting: Those of them that nobody named.
    """

    kinds: Mapping[str, str]
    targets: list[str]
    dropped: tuple[str, ...] = ()
    counting: tuple[str, ...] = ()


def _windows(frame: pd.DataFrame, spec: DataSpec) -> Arrays:
    """Windows of the rows, in the order of their times."""
    target, *others = _target_columns(frame, spec)
    if others:
        raise DataError(
            f"{spec.source}: expected one --target with --window. Received: {spec.target}."
        )
    if spec.group is not None:
        _check_column_option("--group", spec.group, frame, (target,), spec.source)
    dropped = _option_columns("--drop", spec.drop, frame, (target,), spec.source)
    kept = {target, spec.group, spec.split_by_time, *spec.columns}
    features = frame[[name for name in frame.columns if str(name) not in kept]]
    counting = index_columns.find(features) if spec.drop_index else []
    dropped += [name for name in counting if name not in dropped]
    frame = frame.drop(columns=dropped)
    name, times = time_series.find_times(frame, target, spec), None
    if name is not None:
        _check_column_option("--split-by-time", name, frame, (target,), spec.source)
        check_complete(frame[name], spec.source)
        times = row_times.as_numbers(frame[name], spec.source)
    arrays = time_series.read(frame, target, name, times, spec)
    names = _list_quoted(counting)
    left_out = [index_columns.LEFT_OUT.format(source=spec.source, names=names)] if counting else []
    return dataclasses.replace(
        arrays, dropped=(*arrays.dropped, *dropped), notes=(*left_out, *arrays.notes)
    )


def _layout(frame: pd.DataFrame, spec: DataSpec) -> Layout:
    targets = _target_columns(frame, spec)
    to_drop = _option_columns("--drop", spec.drop, frame, targets, spec.source)
    not_features = {*targets, spec.weights, spec.group, spec.split_by_time, *to_drop}
    features = frame[[name for name in frame.columns if str(name) not in not_features]]
    counting = tuple(index_columns.find(features)) if spec.drop_index else ()
    features = features[[name for name in features.columns if str(name) not in counting]]
    if not len(features.columns):
        raise DataError(
            f"{spec.source}: expected feature columns beside the target. "
            f"Received: {quoted(shown([*targets, *counting]))} alone: check that columns are "
            "separated by commas."
        )
    for name in spec.text:
        if name not in features.columns:
            raise DataError(
                f"{spec.source}: expected --text to be one of its columns beside the target "
                f"({shown(list(features.columns))}). Received: {quoted(name)}."
                f"{did_you_mean(name, map(str, features.columns))}"
            )
    categories = _option_columns("--categories", spec.categories, frame, (), spec.source)
    kinds = column_kinds.find_kinds(
        features, spec.source, missing=spec.impute, text=spec.text, categories=categories
    )
    return Layout(kinds=kinds, targets=targets, dropped=(*to_drop, *counting), counting=counting)


def _option_columns(
    option: str,
    values: Collection[str],
    frame: pd.DataFrame,
    targets: Collection[str],
    source: str,
) -> list[str]:
    """The columns that an option names, each text one or several with commas between."""
    names = [str(column) for column in frame.columns]
    columns = [name for text in values for name in split_names(text, names)]
    for name in columns:
        _check_column_option(option, name, frame, targets, source)
    return list(dict.fromkeys(columns))


def _notes(frame: pd.DataFrame, file: Path, layout: Layout, spec: DataSpec) -> Iterator[str]:
    """What a user should know of columns that may not be what they look like."""
    if layout.counting:
        names = _list_quoted(layout.counting)
        yield index_columns.LEFT_OUT.format(source=spec.source, names=names)
    features = frame[[name for name, kind in layout.kinds.items() if kind == NUMBER]]
    if shuffled := index_columns.find_shuffled(features) if spec.drop_index else []:
        yield (
            f"{spec.source}: features that number the rows, as identifiers do: "
            f"{_list_quoted(shuffled)}. To leave them out: --drop {_shell_quoted(shuffled)}"
        )
    read_as_numbers = {*features.columns, *layout.targets}
    if codes := [name for name in data_frames.codes(file, frame) if name in read_as_numbers]:
        yield (
            f"{spec.source}: leading zeros are lost, as codes have them, in numbers of "
            f"{_list_quoted(codes)}. To keep them: --categories {_shell_quoted(codes)}"
        )
    categories = [name for name, kind in layout.kinds.items() if kind == CATEGORY]
    for name in (*categories, *layout.targets):
        if alike := column_kinds.alike(frame[name]):
            yield (
                f"{spec.source}: column {quoted(name)} has categories that differ in spaces or "
                f"case only: {_list_quoted(alike)}. They count as different: correct them "
                "if they are not."
            )


def _shell_quoted(names: Collection[str]) -> str:
    """Names as a shell takes them."""
    return shlex.quote(",".join(names))


def _list_quoted(names: Collection[str]) -> str:
    return shown([quoted(name) for name in names])


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
        x=column_kinds.as_rows(frame, layout.kinds, source, mixed=mixed),
        y=_targets(frame, layout.targets, source),
        weights=_weights(frame, spec, layout.targets, source),
        blocks=blocks,
    )


def _read_part(path: str, layout: Layout, spec: DataSpec, *, text: bool) -> Rows:
    """The rows of another part, in a file of its own.

    Args:
        text: Whether the targets are text.
    """
    # Whoever reads a table need not import TensorFlow, unless the training rows ask for it.
    with_tensorflow = tf_examples.SUFFIXES if spec.source.endswith(tf_examples.SUFFIXES) else ()
    if not path.endswith((*data_frames.SUFFIXES, *with_tensorflow)):
        raise DataError(f"Expected a table ({data_frames.KINDS}), as --data is. Received: {path}.")
    text_columns = [name for name, kind in layout.kinds.items() if kind != NUMBER]
    frame = data_frames.read(
        require_file(path), text=[*text_columns, *(layout.targets if text else ())]
    )
    optional = [name for name in (spec.group, spec.split_by_time) if name is not None]
    optional += layout.dropped
    weights = [] if spec.weights is None else [spec.weights]
    frame = column_kinds.select(frame, [*layout.kinds, *layout.targets, *weights], optional, path)
    column_kinds.check_kinds(frame, layout.kinds, path, missing=spec.impute)
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
                f"Received: {quoted(name)}.{did_you_mean(name, names)}"
            )
        if targets.count(name) > 1:
            raise DataError(
                f"{spec.source}: expected different columns in --target. "
                f"Received: {quoted(name)} twice."
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
    _check_column_option("--weights", spec.weights, frame, targets, source)
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
    _check_column_option(option, name, frame, targets, spec.source)
    column = frame[name]
    check_complete(column, spec.source)
    if spec.group is not None:
        column = column.astype(str)
    elif not is_numeric(column):
        column = row_times.as_dates(column, spec.source)
    return np.unique(column.to_numpy(), return_inverse=True)[1].astype(np.int64)


def _check_column_option(
    option: str, name: str, frame: pd.DataFrame, targets: Collection[str], source: str
) -> None:
    names = [str(column) for column in frame.columns if column not in targets]
    if name not in names:
        raise DataError(
            f"{source}: expected {option} to be one of its columns"
            f"{' beside the target' if targets else ''}. "
            f"Received: {quoted(name)}.{did_you_mean(name, names)}"
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
    text = column.astype(str).to_numpy()
    check_labels(text, "class", source)
    return text.astype(np.str_)


SOURCE = Source(
    form="FILE.csv or FILE.parquet with --target COLUMN",
    summary="columns of numbers, categories, dates or texts, and a target column or several",
    accepts=accepts,
    read=read,
    takes_target=True,
    needs_keras=False,
    files=one_file,
)
