"""Preparation: read a source, infer the task, split, fit scalings and encodings, apply them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.shapes import Inputs
from tuner.datasets import (
    multi_output,
    resampling,
    sample_weights,
    scaling,
    space_data,
    target_axes,
    target_units,
)
from tuner.datasets.chunks import Allocate, Chunks, in_memory, join
from tuner.datasets.columns import collapsed_values, column_kinds, encoding
from tuner.datasets.columns.encoding import Encoder
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.fingerprint import fingerprint, fingerprint_targets
from tuner.datasets.multi_input import MultiInputEncoder, are_several
from tuner.datasets.multi_input import fit as fit_inputs
from tuner.datasets.prepared_data import Data, Part, Selection
from tuner.datasets.prepared_stream import PreparedStream
from tuner.datasets.raw_data import PARTS, Arrays, Rows
from tuner.datasets.scaling import Floats, Scaler
from tuner.datasets.select_features import select
from tuner.datasets.sources import source_catalog
from tuner.datasets.split import folds, group_time, multilabel_split
from tuner.datasets.split.random_split import Indices, split
from tuner.datasets.task import Targets
from tuner.errors import quoted


def load(spec: DataSpec, *, allocate: Allocate = in_memory) -> Data:
    """Returns prepared data, the same numbers at every call and in every process.

    Args:
        spec: The source and how it is split and scaled.
        allocate: Returns an empty float32 array of a shape, which is filled chunk by chunk.

    Raises:
        DataError: The source cannot be read, trained on, or split as the spec says.
    """
    arrays = source_catalog.read(spec)
    spec = spec.as_read(arrays.found)
    by_rows = spec.learns == "rows"
    if by_rows:
        _require_numbers(arrays, spec.source)
        arrays = arrays.taught_by_rows()
    series = spec.window is not None and spec.task is None  # whose whole numbers are no classes
    given_task = "regression" if by_rows or series else spec.task
    targets = target_axes.find(arrays, given_task, spec.source, mask_value=spec.mask_value)
    arrays = target_axes.canonical(arrays, targets, spec)
    selections = _split(arrays, targets, spec)
    if spec.space is not None:
        arrays, selections = space_data.change(arrays, selections, targets, spec)
    if targets.heads is not None:
        multi_output.check_training_part(targets.heads, selections["train"], spec.source)
    encoder = _fit_columns(selections["train"], spec)
    inputs_encoder = _fit_inputs(selections["train"], spec)
    is_plain_array = encoder is None and inputs_encoder is None
    scaler = _fit_features(arrays, selections["train"], spec) if is_plain_array else None
    target_scaler = scaler if by_rows else _fit_targets(targets, selections["train"], spec)
    parts = {
        part: _prepare_part(
            selection,
            targets,
            encoder or inputs_encoder or scaler,
            target_scaler,
            by_rows=by_rows,
            allocate=allocate,
        )
        for part, selection in selections.items()
    }
    weights = {
        part: sample_weights.of_rows(selection, part, spec)
        for part, selection in selections.items()
    }
    y = parts["train"].y
    heads = None if targets.heads is None else sample_weights.places(targets.heads)
    of_classes = target_axes.counted(y, weights["train"])[:, 0] if targets.axes else y
    class_weights = sample_weights.class_weights(
        spec.class_weights, targets.task, targets.labels, heads, of_classes, spec.source
    )
    weights["train"] = sample_weights.for_training(weights["train"], class_weights, y, spec, heads)
    for name, part in parts.items():
        prepared_weights = sample_weights.prepared(weights[name], spec, heads)
        parts[name] = dataclasses.replace(part, weights=prepared_weights)
    data = Data(
        name=spec.name,
        inputs=Inputs(
            shape=parts["train"].x.shape[1:],
            vocabulary=arrays.vocabulary,
            shapes=None if inputs_encoder is None else inputs_encoder.shapes,
        ),
        outputs=target_units.outputs(targets, target_scaler, spec),
        classes=targets.labels,
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        scaler=scaler,
        target_scaler=target_scaler,
        selections=selections,
        fingerprint=fingerprint(arrays, spec, targets.spelt),
        columns=arrays.columns,
        columns_of=arrays.columns_of,
        class_weights=class_weights,
        encoder=encoder,
        inputs_encoder=inputs_encoder,
        targets=targets.names,
        heads=targets.heads,
        dropped=arrays.dropped,
        notes=arrays.notes,
        found=arrays.found,
        stream=None
        if arrays.stream is None
        else PreparedStream(
            streamed=arrays.stream,
            targets=targets,
            scaler=scaler,
            target_scaler=target_scaler,
            target_shape=parts["train"].y.shape[1:],
        ),
        targets_fingerprint=fingerprint_targets(
            _compared(selections[part]) for part in ("validation", "test")
        ),
    )
    data = dataclasses.replace(data, notes=(*arrays.notes, *collapsed_values.notes(data, spec)))
    return resampling.resample(select(data, spec, allocate), spec, allocate)


def _split(arrays: Arrays, targets: Targets, spec: DataSpec) -> dict[str, Selection]:
    """Uses the parts that the source has and splits the others off its training rows."""
    parts = arrays.parts
    train = parts["train"]
    all_fractions = {"validation": spec.validation, "test": spec.test}
    labels, present = _classes(targets, train, spec.source)
    flags = None if train.blocks is not None else _stratification_flags(targets, train.y, present)
    chained = arrays.windows  # which have the validation part of the fold
    if spec.folds > 1 and not chained:
        _check_folds(arrays, spec)
        del all_fractions["validation"]
    fractions = {part: fraction for part, fraction in all_fractions.items() if part not in parts}
    if train.blocks is not None:
        indices_of = _split_by_blocks(train.blocks, fractions, spec, by_time=arrays.by_time)
        if labels is not None:
            group_time.check_training_part(labels[indices_of["train"]], targets.labels or ())
    elif flags is not None:
        indices_of = multilabel_split.split(flags, fractions, seed=spec.seed)
    else:
        indices_of = split(
            len(train.x),
            fractions,
            seed=spec.seed,
            labels=labels,
            classes=targets.labels or (),
        )
    if spec.folds > 1 and not chained:
        rows = indices_of["train"]
        indices_of |= _fold(rows, spec, labels=labels, flags=flags, arrays=arrays)
    _check_training_part(present, indices_of.get("train"), targets.labels or ())
    return {
        part: Selection(rows=train, indices=indices_of[part])
        if part in indices_of
        else Selection(rows=parts[part], indices=np.arange(len(parts[part].x)))
        for part in PARTS
    }


def _classes(
    targets: Targets, train: Rows, source: str
) -> tuple[NDArray[Any] | None, NDArray[np.bool_] | None]:
    """The class of each row, or which classes its places have; None where there are none."""
    if targets.labels is None:
        return None, None
    encoded, count = targets.encode(train.y), len(targets.labels)
    if targets.axes:
        present = target_axes.presence(encoded, train.weights, count)
        _check_every_class(present.sum(axis=0), targets.labels, source)
        return None, present
    _check_every_class(np.bincount(encoded, minlength=count), targets.labels, source)
    return encoded, None


def _fold(
    rows: Indices,
    spec: DataSpec,
    *,
    labels: NDArray[Any] | None,
    flags: NDArray[Any] | None,
    arrays: Arrays,
) -> dict[str, Indices]:
    """The training and the validation rows of one fold, among those outside the test part."""
    blocks = arrays.parts["train"].blocks
    if blocks is not None and arrays.by_time:
        return folds.chain(
            rows, blocks[rows], folds=spec.folds, fold=spec.fold, longest=spec.max_train_rows
        )
    if spec.max_train_rows is not None:
        raise DataError(
            f"{spec.source}: expected rows in the order of time with --max-train-rows. Received: "
            "none: add --split-by-time COLUMN or an array time, or leave it out."
        )
    options = {"folds": spec.folds, "fold": spec.fold, "seed": spec.seed}
    if flags is not None:
        return multilabel_split.fold(rows, flags[rows], **options)
    return folds.cut(
        rows,
        **options,
        labels=None if labels is None else labels[rows],
        groups=None if blocks is None else blocks[rows],
    )


def _compared(selection: Selection) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Targets and weights of a part as the source has them."""
    rows, indices = selection.rows, selection.indices
    return rows.y[indices], None if rows.weights is None else rows.weights[indices]


def _stratification_flags(
    targets: Targets, y: np.ndarray, present: np.ndarray | None
) -> np.ndarray | None:
    """The flags that a multi-label split balances; None where rows have one class or none.

    Args:
        present: Which classes the places of each row have, where rows have places.
    """
    if present is not None:
        return present
    if targets.heads is not None:
        return multi_output.flags(targets.heads, y)
    if targets.task != "labels":
        return None
    return y if y.ndim == 2 else (y == 1).any(axis=tuple(range(1, y.ndim - 1)))


def _check_folds(arrays: Arrays, spec: DataSpec) -> None:
    if "validation" in arrays.parts:
        raise DataError(
            f"{spec.source}: expected no validation rows of its own beside --folds {spec.folds}. "
            "Received: some: leave out --folds or them."
        )


def _split_by_blocks(
    blocks: np.ndarray, fractions: Mapping[str, float], spec: DataSpec, *, by_time: bool
) -> dict[str, Indices]:
    if by_time:
        return group_time.split_by_time(blocks, fractions)
    return group_time.split_by_group(blocks, fractions, seed=spec.seed)


def _check_training_part(
    present: np.ndarray | None, rows: Indices | None, classes: tuple[object, ...]
) -> None:
    if present is None or rows is None:
        return
    absent = np.flatnonzero(~present[rows].any(axis=0))
    if len(absent):
        raise DataError(
            "Expected every class in some row of the training part. Received: class "
            f"{quoted(classes[int(absent[0])])} in no row of it: add rows that have it."
        )


def _check_every_class(counts: np.ndarray, classes: tuple[object, ...], source: str) -> None:
    if not counts.all():
        raise DataError(
            f"{source}: expected every class among the training rows. "
            f"Received: class {quoted(classes[int(counts.argmin())])} in another part only: "
            "add rows of it to the training part."
        )


def _require_numbers(arrays: Arrays, source: str) -> None:
    if are_several(arrays.parts["train"].x):
        raise DataError(
            f"{source}: expected one array of rows, as the rows themselves are learned. "
            "Received: a dict with several inputs: put them into one array."
        )
    if encoding.is_table(arrays.parts["train"].x):
        raise DataError(
            f"{source}: expected columns of numbers only, as the rows themselves are learned. "
            "Received: columns with text, dates or missing values: remove them, or take mlp."
        )


def _fit_columns(train: Selection, spec: DataSpec) -> Encoder | None:
    if not encoding.is_table(train.rows.x):
        return None
    rows = train.rows.x[train.indices]
    asked = {name for text in spec.categories for name in (text, *text.split(","))}

    def most(name: str) -> int | None:
        if not spec.lenient:
            return None
        return column_kinds.MOST_ASKED if name in asked else column_kinds.MOST_CATEGORIES

    return encoding.fit(rows, spec.scaling, impute=bool(spec.impute), exact=spec.exact, most=most)


def _fit_inputs(train: Selection, spec: DataSpec) -> MultiInputEncoder | None:
    if not are_several(train.rows.x):
        return None
    return fit_inputs(train.rows.x, train.indices, spec.scaling, exact=spec.exact)


def _fit_features(arrays: Arrays, train: Selection, spec: DataSpec) -> Scaler | None:
    if arrays.vocabulary is not None:
        return None  # the number of a word measures nothing
    same_unit = arrays.same_unit or scaling.shares_unit(train.rows.x)
    rows = Chunks(train.rows.x, train.indices)
    return scaling.fit(
        rows,
        spec.scaling,
        same_unit=same_unit,
        what="values in x",
        exact=spec.exact,
        windows=arrays.windows,
    )


def _fit_targets(targets: Targets, train: Selection, spec: DataSpec) -> Scaler | None:
    if targets.heads is not None:
        return multi_output.fit(
            targets.heads, train.rows.y, train.indices, spec.scaling, exact=spec.exact
        )
    if targets.task != "regression" or spec.scaling == "none":
        return None
    if targets.axes:
        rows: Any = target_axes.CountedChunks(train)
    else:
        rows = Chunks(train.rows.y, train.indices)
    return scaling.fit(rows, "standard", same_unit=False, what="targets", exact=spec.exact)


def _prepare_part(
    selection: Selection,
    targets: Targets,
    scaler: Scaler | Encoder | MultiInputEncoder | None,
    target_scaler: Scaler | None,
    *,
    by_rows: bool,
    allocate: Allocate,
) -> Part:
    x = _prepare_features(Chunks(selection.rows.x, selection.indices), scaler, allocate)
    if by_rows:
        return Part(x=x, y=x.reshape(len(x), -1))
    y = targets.encode(selection.rows.y[selection.indices])
    if target_scaler is not None:
        y = target_scaler.transform(y)
    return Part(x=x, y=y if targets.classes is not None else _as_float32(y))


def _as_float32(y: NDArray[Any]) -> Floats:
    return np.ascontiguousarray(y, dtype=np.float32)


def _prepare_features(
    rows: Chunks, scaler: Scaler | Encoder | MultiInputEncoder | None, allocate: Allocate
) -> Floats:
    shape = rows.shape[1:]
    if isinstance(scaler, (Encoder, MultiInputEncoder)):
        shape = (scaler.width,)
        rows = dataclasses.replace(rows, width=scaler.width)
    scaled = rows if scaler is None else map(scaler.transform, rows)
    return join(scaled, (rows.shape[0], *shape), allocate)
