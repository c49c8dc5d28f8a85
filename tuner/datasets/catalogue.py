"""Every kind of source by one entry: the names we know, what they are, and how rows are read.

Nothing here imports TensorFlow, nor scikit-learn or pandas before rows are read.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from tuner.datasets import frames, records, several, task
from tuner.datasets.arrays import Arrays, Rows
from tuner.datasets.checks import check
from tuner.datasets.errors import DataError
from tuner.datasets.facts import Facts
from tuner.datasets.sources import (
    bundled,
    function,
    generated,
    image_folder,
    keras_sets,
    npy_folder,
    npz,
    table,
    tfrecord,
)
from tuner.datasets.spec import DataSpec
from tuner.errors import did_you_mean


class Loader(Protocol):
    """What each module in ``tuner.datasets.sources`` offers.

    Attributes:
        FORM: How such a source is written on the command line.
        SUMMARY: What it must hold, in a few words.
        TAKES_TARGET: Whether ``DataSpec.target`` means anything to it.
    """

    FORM: str
    SUMMARY: str
    TAKES_TARGET: bool

    def accepts(self, source: str) -> bool:
        """Whether a source is of this kind, judged by its text alone."""

    def read(self, spec: DataSpec) -> Arrays:
        """Returns the raw arrays, or raises DataError."""


LOADERS: tuple[Loader, ...] = (
    bundled,
    generated,
    keras_sets,
    npz,
    npy_folder,
    image_folder,
    table,
    tfrecord,
    function,
)
SETS: dict[str, Facts] = {**bundled.SETS, **generated.SETS, **keras_sets.SETS}
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
    """

    name: str
    rows: int
    shape: tuple[int, ...]
    task: str
    classes: int | None
    source: str
    inputs: Mapping[str, tuple[int, ...]] | None = None


def read(spec: DataSpec) -> Arrays:
    """Returns the checked raw arrays of a source.

    Raises:
        DataError: The source is unknown, cannot be read, or holds what cannot be trained on.
    """
    loader = find_loader(spec.source)
    if not loader.TAKES_TARGET:
        _check_options(spec)
    return check(_read(loader, spec), spec.source)


def _check_options(spec: DataSpec) -> None:
    """Refuses what only columns with names can be asked for."""
    options = {
        "--target": spec.target,
        "--weights": spec.weights,
        "--group": spec.group,
        "--split-by-time": spec.split_by_time,
        "--text": " --text ".join(spec.text) or None,
        "--impute": "" if spec.impute else None,
    }
    arrays = {"--weights": "w", "--group": "group", "--split-by-time": "time"}
    for option, value in options.items():
        if value is not None:
            hint = f"; arrays bring theirs as {arrays[option]}" if option in arrays else ""
            raise DataError(
                f"Expected {option} with tables ({frames.KINDS}) only. "
                f"Received: {f'{option} {value}'.strip()} with {spec.source}: leave it out{hint}."
            )


def _read(loader: Loader, spec: DataSpec) -> Arrays:
    """Reads a source with parts of its own; of ``NAME:N`` the first rows of its training part."""
    arrays = _read_source(loader, spec)
    is_table = spec.target is not None  # whose parts have been read with it
    return arrays if is_table else _with_given(arrays, loader, spec)


def _with_given(arrays: Arrays, loader: Loader, spec: DataSpec) -> Arrays:
    """Adds the parts that the user brings in files or folders of the source's kind."""
    parts = dict(arrays.parts)
    for part, path in spec.given.items():
        option = f"--{part}-data"
        if loader not in (npz, npy_folder, image_folder, tfrecord):
            raise DataError(
                f"Expected {option} beside a file or folder of rows. "
                f"Received: --data {spec.source}: leave it out."
            )
        if part in parts:
            raise DataError(
                f"{spec.source}: expected no {option}, as it brings that part itself. "
                f"Received: {path}: leave it out."
            )
        parts[part] = _given_part(path, option, loader, spec)
    return dataclasses.replace(arrays, parts=parts)


def _given_part(path: str, option: str, loader: Loader, spec: DataSpec) -> Rows:
    if loader is image_folder:
        path = image_folder.of_size(path, spec.source)
    if not loader.accepts(path):
        raise DataError(f"Expected {option} to be as --data is, {loader.FORM}. Received: {path}.")
    own = dataclasses.replace(spec, source=path, validation_data=None, test_data=None)
    found = loader.read(own).parts
    if set(found) != {"train"}:
        raise DataError(
            f"{path}: expected the rows of a single part, as {option} says. "
            f"Received: {' and '.join(found)}: leave the others out."
        )
    return dataclasses.replace(found["train"], blocks=None)


def _read_source(loader: Loader, spec: DataSpec) -> Arrays:
    name, count = _cut(spec.source)
    if count is None:
        return loader.read(spec)
    named = dataclasses.replace(spec, source=name)
    if loader is generated and count:
        return generated.read(named, count)
    arrays = loader.read(named)
    train = arrays.parts["train"]
    if not 0 < count <= len(train.x):
        raise DataError(
            f"{spec.source}: expected 1 to {len(train.x)} rows of {name}. Received: {count}."
        )
    cut = {name: array[:count] for name, array in vars(train).items() if array is not None}
    return dataclasses.replace(arrays, parts={"train": Rows(**cut)})


def _cut(source: str) -> tuple[str, int | None]:
    """``mnist:6000`` as a name and a number of rows."""
    match = re.fullmatch(r"([\w-]+):(\d+)", source)
    return (match[1], int(match[2])) if match and match[1] in SETS else (source, None)


def needs_keras(source: str) -> bool:
    """Whether reading it imports TensorFlow, or may do so."""
    return find_loader(source) in (keras_sets, tfrecord, function)


def find_loader(source: str) -> Loader:
    """Returns the loader of a source.

    Raises:
        DataError: No loader knows such a source; close names are shown.
    """
    name, _ = _cut(source)
    for loader in LOADERS:
        if loader.accepts(name):
            return loader
    forms = ", ".join(
        loader.FORM for loader in (npz, npy_folder, image_folder, table, tfrecord, function)
    )
    raise DataError(
        f"Expected a data set ({', '.join(NAMES)}) or {forms}. "
        f"Received: {source!r}.{did_you_mean(source, NAMES)}"
    )


def describe(name_or_spec: str | DataSpec) -> Description:
    """Returns what ``tuner datasets`` shows of a source; of a known name without loading it.

    Raises:
        DataError: As ``read``.
    """
    spec = DataSpec(source=name_or_spec) if isinstance(name_or_spec, str) else name_or_spec
    if spec.source in SETS:
        return _known(spec.source)
    arrays = read(spec)
    targets = task.find(
        [rows.y for rows in arrays.parts.values()], spec.task, spec.source, arrays.targets
    )
    return Description(
        name=spec.source,
        rows=sum(len(rows.x) for rows in arrays.parts.values()),
        shape=_shape(arrays),
        task=targets.task,
        classes=_count(targets),
        source=find_loader(spec.source).SUMMARY,
        inputs=_inputs(arrays.parts["train"].x),
    )


def _count(targets: task.Targets) -> int | None:
    if targets.task in ("regression", "several"):
        return None
    return targets.units if targets.classes is None else len(targets.classes)


def _shape(arrays: Arrays) -> tuple[int, ...]:
    """Of a row; of a table, how many columns it has before they are encoded."""
    x = arrays.parts["train"].x
    inputs = _inputs(x)
    if inputs is not None:
        return (sum(map(math.prod, inputs.values())),)
    return x.shape[1:] if x.dtype.names is None else (len(x.dtype.names),)


def _inputs(x: NDArray[Any]) -> dict[str, tuple[int, ...]] | None:
    if not several.are_several(x):
        return None
    return {name: values.shape[1:] for name, values in records.by_name(x).items()}


def describe_all() -> tuple[Description, ...]:
    """Returns a description of each name that needs no file."""
    return tuple(_known(name) for name in NAMES)


def _known(name: str) -> Description:
    facts = SETS[name]
    return Description(
        name=name,
        rows=facts.rows,
        shape=facts.shape,
        task=facts.task,
        classes=facts.classes,
        source=facts.summary,
    )
