"""Every kind of source by one entry: the names we know, what they are, and how rows are read.

Nothing here imports TensorFlow, nor scikit-learn or pandas before rows are read.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from search_spaces.registry import Registry
from tuner.datasets import multi_input, structured_arrays, target_axes
from tuner.datasets.checks import check
from tuner.datasets.columns import column_names
from tuner.datasets.columns.frame_index import drop_index
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.sources import (
    bundled,
    data_frames,
    image_folder,
    keras_datasets,
    npy_folder,
    npz,
    synthetic,
    table,
    tfrecord,
    user_function,
)
from tuner.datasets.sources.source import Source
from tuner.datasets.task import Targets
from tuner.errors import did_you_mean, quoted

_OURS = {
    "bundled": bundled.SOURCE,
    "synthetic": synthetic.SOURCE,
    "keras_datasets": keras_datasets.SOURCE,
    "npz": npz.SOURCE,
    "npy_folder": npy_folder.SOURCE,
    "image_folder": image_folder.SOURCE,
    "table": table.SOURCE,
    "tfrecord": tfrecord.SOURCE,
    "user_function": user_function.SOURCE,
}
SOURCES: Registry[Source] = Registry("tuner.sources", _OURS, kind=Source)
SETS = {name: facts for source in _OURS.values() for name, facts in source.sets.items()}
NAMES = tuple(SETS)


@dataclass(frozen=True, kw_only=True)
class Description:
    """A row of ``tuner datasets``.

    Attributes:
        name: What to write after ``--data``.
        rows: Number of rows, all parts together.
        shape: Shape of one row.
        inputs: Of rows with several inputs, the shape of each by name; ``shape`` is then how many
            values they have together.
        task: ``binary``, ``classes``, ``labels`` or ``regression``; ``several`` where there are
            several outputs.
        classes: Number of classes, or of labels; None for a regression or several outputs.
        source: What it is and where it comes from, one line.
        notes: What a user should know of how it was read, one line each.
        axes: Of the places of a row that have a target each, see ``tuner.datasets.target_axes``.
    """

    name: str
    rows: int
    shape: tuple[int, ...]
    task: str
    classes: int | None
    source: str
    inputs: Mapping[str, tuple[int, ...]] | None = None
    notes: tuple[str, ...] = ()
    axes: tuple[int, ...] = ()


def read(spec: DataSpec) -> Arrays:
    """Returns the checked raw arrays of a source.

    Raises:
        DataError: The source is unknown, cannot be read, or holds what cannot be trained on.
    """
    source = find_source(spec.source)
    if not source.takes_target:
        _check_options(spec)
    arrays = check(_read(source, spec), spec.source)
    is_table = source.takes_target  # which has left them out itself
    return arrays if is_table or not spec.drop_frame_index else drop_index(arrays, spec.source)


def _check_options(spec: DataSpec) -> None:
    """Refuses what only columns with names can be asked for."""
    options = {
        "--target": spec.target,
        "--weights": spec.weights,
        "--group": spec.group,
        "--split-by-time": spec.split_by_time,
        "--text": " --text ".join(spec.text) or None,
        "--categories": ",".join(spec.categories) or None,
        "--drop": ",".join(spec.drop) or None,
        "--impute": "" if spec.impute else None,
        "--columns": ",".join(spec.columns) or None,
        "--separator": spec.separator,
        "--decimal": spec.decimal,
        "--encoding": spec.encoding,
        "--na-values": ",".join(spec.na_values or ()) or None,
        "--date-order": "" if spec.day_first is not None else None,
        "--window": None if spec.window is None else str(spec.window),
    }
    arrays = {"--weights": "w", "--group": "group", "--split-by-time": "time"}
    for option, value in options.items():
        if value is not None:
            hint = f"; arrays bring theirs as {arrays[option]}" if option in arrays else ""
            raise DataError(
                f"Expected {option} with tables ({data_frames.KINDS}) only. "
                f"Received: {f'{option} {value}'.strip()} with {spec.source}: leave it out{hint}."
            )


def _read(source: Source, spec: DataSpec) -> Arrays:
    """Reads a source with parts of its own; of ``NAME:N`` the first rows of its training part."""
    arrays = _read_source(source, spec)
    is_table = spec.target is not None  # whose parts have been read with it
    return arrays if is_table else _add_given_parts(arrays, source, spec)


def _add_given_parts(arrays: Arrays, source: Source, spec: DataSpec) -> Arrays:
    """Adds the parts that the user brings in sources of the same kind."""
    parts, notes = dict(arrays.parts), arrays.notes
    for part, text in spec.given.items():
        option = f"--{part}-data"
        if not source.takes_parts:
            raise DataError(
                f"Expected {option} beside a file or folder of rows. "
                f"Received: --data {spec.source}: leave it out."
            )
        if part in parts:
            raise DataError(
                f"{spec.source}: expected no {option}, as it brings that part itself. "
                f"Received: {text}: leave it out."
            )
        part_arrays = _read_given_part(source.part_like(text, spec.source), option, source, spec)
        rows = part_arrays.parts["train"]
        x = column_names.in_order(rows.x, arrays.columns, text, part_arrays.columns)
        parts[part] = dataclasses.replace(rows, x=x, blocks=None)
        notes += part_arrays.notes
    return dataclasses.replace(arrays, parts=parts, notes=notes)


def _read_given_part(text: str, option: str, source: Source, spec: DataSpec) -> Arrays:
    if not source.accepts(text):
        raise DataError(f"Expected {option} to be as --data is, {source.form}. Received: {text}.")
    part_spec = dataclasses.replace(spec, source=text, validation_data=None, test_data=None)
    part_arrays = source.read(part_spec)
    if set(part_arrays.parts) != {"train"}:
        raise DataError(
            f"{text}: expected the rows of a single part, as {option} says. "
            f"Received: {' and '.join(part_arrays.parts)}: leave the others out."
        )
    return part_arrays


def _read_source(source: Source, spec: DataSpec) -> Arrays:
    name, count = _split_row_count(spec.source)
    if count is None:
        return source.read(spec)
    whole = dataclasses.replace(spec, source=name)
    if source.read_rows is not None and count:
        return source.read_rows(whole, count)
    arrays = source.read(whole)
    train = arrays.parts["train"]
    if not 0 < count <= len(train.x):
        raise DataError(
            f"{spec.source}: expected 1 to {len(train.x)} rows of {name}. Received: {count}."
        )
    cut = {name: array[:count] for name, array in vars(train).items() if array is not None}
    return dataclasses.replace(arrays, parts={"train": Rows(**cut)})


def _split_row_count(source: str) -> tuple[str, int | None]:
    """``mnist:6000`` as a name and a number of rows."""
    match = re.fullmatch(r"([\w-]+):(\d+)", source)
    return (match[1], int(match[2])) if match and match[1] in SETS else (source, None)


def needs_keras(source: str) -> bool:
    """Whether reading it imports TensorFlow, or may do so."""
    return find_source(source).needs_keras


def package_of(source: str) -> str | None:
    """Returns ``package 1.0`` of a source that an installed package reads; None of ours."""
    kind = find_source(source)
    return next((SOURCES.package_of(name) for name, one in SOURCES.usable() if one is kind), None)


def find_source(text: str) -> Source:
    """Returns the kind of a source.

    Raises:
        DataError: None knows such a source; close names are shown.
    """
    name, _ = _split_row_count(text)
    problems: list[str] = []
    for _, source in SOURCES.usable(problems):  # ours first: a package is loaded for the rest only
        if source.accepts(name):
            return source
    if problems:
        raise DataError(problems[0])  # that package may know it
    forms = ", ".join(source.form for source in SOURCES.values() if not source.sets)
    raise DataError(
        f"Expected a data set ({', '.join(NAMES)}) or {forms}. "
        f"Received: {quoted(text)}.{did_you_mean(text, NAMES)}"
    )


def describe(name_or_spec: str | DataSpec) -> Description:
    """Returns what ``tuner datasets`` shows of a source; of a known name without loading it.

    Raises:
        DataError: As ``read``.
    """
    spec = DataSpec(source=name_or_spec) if isinstance(name_or_spec, str) else name_or_spec
    if spec.source in SETS:
        return _describe_known(spec.source)
    arrays = read(spec)
    targets = target_axes.find(arrays, spec.task, spec.source, mask_value=spec.mask_value)
    return Description(
        name=spec.source,
        rows=_row_count(arrays),
        shape=_row_shape(arrays),
        task=targets.task,
        classes=_class_count(targets),
        source=find_source(spec.source).summary,
        inputs=_input_shapes(arrays.parts["train"].x),
        notes=arrays.notes,
        axes=targets.axes,
    )


def _row_count(arrays: Arrays) -> int:
    held = sum(len(rows.x) for part, rows in arrays.parts.items() if part != "train")
    train = len(arrays.parts["train"].x) if arrays.stream is None else arrays.stream.rows
    return held + train


def _class_count(targets: Targets) -> int | None:
    if targets.task in ("regression", "several"):
        return None
    return targets.units if targets.classes is None else len(targets.classes)


def _row_shape(arrays: Arrays) -> tuple[int, ...]:
    """Of a row; of a table, how many columns it has before they are encoded."""
    x = arrays.parts["train"].x
    inputs = _input_shapes(x)
    if inputs is not None:
        return (sum(map(math.prod, inputs.values())),)
    return x.shape[1:] if x.dtype.names is None else (len(x.dtype.names),)


def _input_shapes(x: NDArray[Any]) -> dict[str, tuple[int, ...]] | None:
    if not multi_input.are_several(x):
        return None
    return {name: values.shape[1:] for name, values in structured_arrays.by_name(x).items()}


def describe_all() -> tuple[Description, ...]:
    """Returns a description of each name that needs no file."""
    return tuple(_describe_known(name) for name in NAMES)


def _describe_known(name: str) -> Description:
    facts = SETS[name]
    return Description(
        name=name,
        rows=facts.rows,
        shape=facts.shape,
        task=facts.task,
        classes=facts.classes,
        source=facts.summary,
    )
