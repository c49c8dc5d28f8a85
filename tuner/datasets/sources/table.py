"""Tables: files with named columns of numbers, categories, dates or texts, and a target."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.columns import (
    column_kinds,
    index_columns,
    mistyped_targets,
    row_times,
    useless_columns,
)
from tuner.datasets.columns.column_kinds import (
    DATE,
    NUMBER,
    check_complete,
    check_numeric,
    is_numeric,
)
from tuner.datasets.columns.column_names import shown
from tuner.datasets.columns.text_values import Columns
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_labels
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.sources import data_frames, table_notes, tf_examples, time_series
from tuner.datasets.sources.source import Source, one_file
from tuner.datasets.sources.table_notes import Layout
from tuner.datasets.sources.user_files import require_file
from tuner.datasets.table_format import TableFormat
from tuner.errors import did_you_mean, quoted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def accepts(source: str) -> bool:
    """Whether the source ends as the files of tables do."""
    return source.lower().endswith(data_frames.SUFFIXES)


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
    asked = spec.table_format
    columns = _known_columns(spec)
    table = data_frames.read(file, asked, columns=columns)
    found = table.table_format.found if asked.lenient else {}
    notes = [f"{spec.source}: read as: {'; '.join(table.words)}."] if table.words else []
    if spec.window is not None:
        arrays = _windows(table.frame, spec)
        return dataclasses.replace(arrays, found=found, notes=(*notes, *arrays.notes))
    targets = _target_columns(table.frame, spec)
    if asked.lenient and spec.task is None and not {*targets} & {*columns.text}:
        for name in targets:
            mistyped_targets.check(table.frame[name], spec.source)
    frame = _with_targets(table.frame, targets, spec, notes)
    layout = _layout(frame, targets, spec)
    spec = dataclasses.replace(spec, impute=layout.impute)
    parts = {"train": _rows(frame, layout, spec, spec.source, _blocks(frame, spec, targets))}
    for part, path in spec.given.items():
        is_text = parts["train"].y.dtype.kind == "U"
        parts[part] = _read_part(path, layout, spec, table.table_format, notes, text=is_text)
    return Arrays(
        parts=parts,
        columns=tuple(layout.kinds),
        targets=tuple(targets) if len(targets) > 1 else None,
        by_time=spec.split_by_time is not None,
        dropped=layout.dropped,
        notes=(*notes, *table_notes.notes(table, file, frame, layout, spec)),
        found={**found, "impute": layout.impute},
    )


def _known_columns(spec: DataSpec) -> Columns:
    """What options say of columns."""
    targets = _names_in([spec.target or ""])
    beside = [spec.weights, spec.group, spec.split_by_time, *targets]
    chosen = [*_names_in(spec.columns), *(name for name in beside if name)] if spec.columns else []
    dropped = _names_in(spec.drop)
    return Columns(text=_names_in(spec.categories), classes=targets, dropped=dropped, chosen=chosen)


def _names_in(values: Iterable[str]) -> list[str]:
    """All columns that options may name: each text itself, and what is between its commas."""
    return [name for text in values for name in (text, *split_names(text, ()))]


def _with_targets(
    frame: pd.DataFrame, targets: list[str], spec: DataSpec, notes: list[str], source: str = ""
) -> pd.DataFrame:
    """The rows that have a target, with a note of how many have none."""
    missing = frame[targets].isna().any(axis=1) if spec.lenient else None
    if missing is None or not missing.any() or missing.all():
        return frame
    notes.append(
        f"{source or spec.source}: left out {missing.sum()} of {len(frame)} rows, as no value is "
        f"in {shown(list(map(quoted, targets)), 3)}, the target."
    )
    return frame[~missing].reset_index(drop=True)


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
    counting = index_columns.find(features, with_times=not spec.lenient) if spec.drop_index else []
    dropped += [name for name in counting if name not in dropped]
    frame = frame.drop(columns=dropped)
    name, times = time_series.find_times(frame, target, spec), None
    if name is not None:
        _check_column_option("--split-by-time", name, frame, (target,), spec.source)
        check_complete(frame[name], spec.source)
        times = row_times.as_numbers(frame[name], spec.source)
    arrays = time_series.read(frame, target, name, times, spec)
    left_out = []
    if counting:
        names = shown(list(map(quoted, counting)))
        left_out = [index_columns.LEFT_OUT.format(source=spec.source, names=names)]
    return dataclasses.replace(
        arrays, dropped=(*arrays.dropped, *dropped), notes=(*left_out, *arrays.notes)
    )


def _layout(frame: pd.DataFrame, targets: list[str], spec: DataSpec) -> Layout:
    to_drop = _option_columns("--drop", spec.drop, frame, targets, spec.source)
    if spec.columns:
        chosen = _option_columns("--columns", spec.columns, frame, targets, spec.source)
        aside = {*chosen, *targets, spec.weights, spec.group, spec.split_by_time}
        to_drop += [n for n in map(str, frame.columns) if n not in aside and n not in to_drop]
    not_features = {*targets, spec.weights, spec.group, spec.split_by_time, *to_drop}
    features = frame[[name for name in frame.columns if str(name) not in not_features]]
    counting = (
        tuple(index_columns.find(features, with_times=not spec.lenient)) if spec.drop_index else ()
    )
    features = features[[name for name in features.columns if str(name) not in counting]]
    if not len(features.columns):
        raise DataError(
            f"{spec.source}: expected feature columns beside the target. "
            f"Received: {quoted(shown([*targets, *counting]))} alone: check what separates columns "
            "(--separator)."
        )
    for name in spec.text:
        if name not in features.columns:
            raise DataError(
                f"{spec.source}: expected --text to be one of its columns beside the target "
                f"({shown(list(features.columns))}). Received: {quoted(name)}."
                f"{did_you_mean(name, map(str, features.columns))}"
            )
    categories = _option_columns("--categories", spec.categories, frame, (), spec.source)
    useless = {}
    if spec.lenient and spec.drop_index:
        useless = useless_columns.find(features, given=(*spec.text, *categories))
        useless = {} if len(useless) == len(features.columns) else useless
    features = features[[name for name in features.columns if name not in useless]]
    impute = spec.impute
    if impute is None:
        impute = bool(features.isna().any(axis=None))
    kinds = column_kinds.find_kinds(
        features,
        spec.source,
        missing=impute,
        text=spec.text,
        categories=categories,
        lenient=spec.lenient,
    )
    return Layout(
        kinds=kinds,
        targets=targets,
        dropped=(*to_drop, *counting, *useless),
        counting=counting,
        useless=useless,
        impute=impute,
    )


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
    mixed = bool(spec.impute) or any(kind != NUMBER for kind in layout.kinds.values())
    return Rows(
        x=column_kinds.as_rows(frame, layout.kinds, source, mixed=mixed),
        y=_targets(frame, layout.targets, source),
        weights=_weights(frame, spec, layout.targets, source),
        blocks=blocks,
    )


def _read_part(
    path: str,
    layout: Layout,
    spec: DataSpec,
    like: TableFormat,
    notes: list[str],
    *,
    text: bool,
) -> Rows:
    """The rows of another part, in a file of its own.

    Args:
        path: The file.
        layout: What the columns are.
        spec: How rows are taken.
        like: How the file of the training rows is written.
        notes: Takes what is to be said of this file.
        text: Whether the targets are text.
    """
    # Whoever reads a table need not import TensorFlow, unless the training rows ask for it.
    with_tensorflow = tf_examples.SUFFIXES if spec.source.endswith(tf_examples.SUFFIXES) else ()
    if not path.lower().endswith((*data_frames.SUFFIXES, *with_tensorflow)):
        raise DataError(f"Expected a table ({data_frames.KINDS}), as --data is. Received: {path}.")
    named = [name for name, kind in layout.kinds.items() if kind != NUMBER]
    columns = Columns(
        text=[*named, *(layout.targets if text else ())],
        dates=[name for name, kind in layout.kinds.items() if kind == DATE],
        classes=layout.targets,
        dropped=layout.dropped,
    )
    frame = data_frames.read(
        require_file(path), like.of_other_file(), columns=columns, like=like
    ).frame
    optional = [name for name in (spec.group, spec.split_by_time) if name is not None]
    optional += layout.dropped
    weights = [] if spec.weights is None else [spec.weights]
    frame = column_kinds.select(frame, [*layout.kinds, *layout.targets, *weights], optional, path)
    frame = _with_targets(frame, layout.targets, spec, notes, path)
    column_kinds.check_kinds(frame, layout.kinds, path, missing=bool(spec.impute))
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
        if spec.lenient and f"{name}.1" in names and _is_twice(name, spec):
            raise DataError(
                f"{spec.source}: expected one column of the name that --target gives. Received: "
                f"{quoted(name)} twice in the first line: rename one of them."
            )
        if targets.count(name) > 1:
            raise DataError(
                f"{spec.source}: expected different columns in --target. "
                f"Received: {quoted(name)} twice."
            )
    return targets


def _is_twice(name: str, spec: DataSpec) -> bool:
    """Whether the first line of a text file has a name twice; pandas gives the second another."""
    lines = data_frames.first_lines(require_file(spec.source), spec.table_format)
    return bool(lines) and lines[0].count(name) > 1


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
    form="a table (FILE.csv, .tsv, .json, .parquet, ...) with --target COLUMN",
    summary="columns of numbers, categories, dates or texts, and a target column or several",
    accepts=accepts,
    read=read,
    takes_target=True,
    needs_keras=False,
    files=one_file,
)
