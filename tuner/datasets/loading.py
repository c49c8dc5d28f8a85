"""From a spec to data: read, find the task, divide, fit the scalings, scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from search_spaces.shapes import Inputs
from tuner.datasets import (
    blocks,
    catalogue,
    encoding,
    folds,
    heads,
    scaling,
    stratification,
    task,
    weights,
)
from tuner.datasets.arrays import PARTS, Arrays
from tuner.datasets.data import Data, Part, Selection
from tuner.datasets.encoding import Encoder
from tuner.datasets.errors import DataError
from tuner.datasets.fingerprint import fingerprint
from tuner.datasets.pieces import Allocate, Pieces, in_memory
from tuner.datasets.scaling import Floats, Scaler
from tuner.datasets.several import SeveralInputs, are_several
from tuner.datasets.several import fit as fit_inputs
from tuner.datasets.spec import DataSpec
from tuner.datasets.split import Indices, split
from tuner.datasets.task import Targets


def load(spec: DataSpec, *, allocate: Allocate = in_memory) -> Data:
    """Returns the data of a spec, the same numbers at every call and in every process.

    Args:
        allocate: Makes arrays for scaled rows, which are filled piece by piece.

    Raises:
        DataError: The source cannot be read, holds what cannot be trained on, or cannot be
            divided as asked; one line.
    """
    arrays = catalogue.read(spec)
    by_rows = spec.learns == "rows"
    if by_rows:
        _require_numbers(arrays, spec.source)
        arrays = arrays.taught_by_rows()
    given = "regression" if by_rows else spec.task
    targets = task.find(
        [rows.y for rows in arrays.parts.values()], given, spec.source, arrays.targets
    )
    selections = _divide(arrays, targets, spec)
    if targets.heads is not None:
        heads.check_training_part(targets.heads, selections["train"], spec.source)
    encoder = _fit_columns(selections["train"], spec)
    several = _fit_inputs(selections["train"], spec)
    of_one_kind = encoder is None and several is None
    scaler = _fit_features(arrays, selections["train"], spec) if of_one_kind else None
    target_scaler = scaler if by_rows else _fit_targets(targets, selections["train"], spec)
    parts = {
        part: _part(
            selection,
            targets,
            encoder or several or scaler,
            target_scaler,
            by_rows=by_rows,
            allocate=allocate,
        )
        for part, selection in selections.items()
    }
    for part, selection in selections.items():
        own = weights.of_rows(selection.rows, selection.indices, f"{spec.source} ({part})")
        parts[part] = dataclasses.replace(parts[part], weights=own)
    train = parts["train"]
    of_classes = weights.of_classes(spec.class_weights, targets, train.y, spec.source)
    weighing = weights.for_training(train.weights, of_classes, train.y)
    return Data(
        name=spec.name,
        inputs=Inputs(
            shape=parts["train"].x.shape[1:],
            vocabulary=arrays.vocabulary,
            shapes=None if several is None else several.shapes,
        ),
        outputs=targets.outputs,
        classes=targets.labels,
        train=dataclasses.replace(train, weights=weighing),
        validation=parts["validation"],
        test=parts["test"],
        scaler=scaler,
        target_scaler=target_scaler,
        selections=selections,
        fingerprint=fingerprint(arrays, spec, targets.spelt),
        columns=arrays.columns,
        class_weights=of_classes,
        encoder=encoder,
        several=several,
        targets=targets.names,
        heads=targets.heads,
    )


def _divide(arrays: Arrays, targets: Targets, spec: DataSpec) -> dict[str, Selection]:
    """Takes the parts that the source brings and cuts the others from its training rows."""
    given = arrays.parts
    train = given["train"]
    wanted = {"validation": spec.validation, "test": spec.test}
    labels = None
    if targets.labels is not None:
        labels = targets.encode(train.y)
        _check_every_class(labels, targets.labels, spec.source)
    flags = None if train.blocks is not None else _flags(targets, train.y)
    if spec.folds > 1:
        _check_folds(arrays, spec)
        del wanted["validation"]
    fractions = {part: fraction for part, fraction in wanted.items() if part not in given}
    if train.blocks is not None:
        cut = _by_blocks(train.blocks, fractions, spec, by_time=arrays.by_time)
        if labels is not None:
            blocks.check_training_part(labels[cut["train"]], targets.labels or ())
    elif flags is not None:
        cut = stratification.split(flags, fractions, seed=spec.seed)
    else:
        cut = split(
            len(train.x),
            fractions,
            seed=spec.seed,
            labels=labels,
            classes=targets.labels or (),
        )
    if spec.folds > 1:
        rows = cut["train"]
        chosen = {"folds": spec.folds, "fold": spec.fold, "seed": spec.seed}
        of_fold = (
            folds.cut(
                rows,
                **chosen,
                labels=None if labels is None else labels[rows],
                groups=None if train.blocks is None else train.blocks[rows],
            )
            if flags is None
            else stratification.fold(rows, flags[rows], **chosen)
        )
        cut = {**cut, **of_fold}
    return {
        part: Selection(rows=train, indices=cut[part])
        if part in cut
        else Selection(rows=given[part], indices=np.arange(len(given[part].x)))
        for part in PARTS
    }


def _flags(targets: Targets, y: np.ndarray) -> np.ndarray | None:
    """What every part is to have its share of, where a row may have several: labels, outputs."""
    if targets.heads is not None:
        return heads.flags(targets.heads, y)
    return y if targets.task == "labels" else None


def _check_folds(arrays: Arrays, spec: DataSpec) -> None:
    if "validation" in arrays.parts:
        raise DataError(
            f"{spec.source}: expected no validation rows of its own beside --folds {spec.folds}. "
            "Received: some: leave out --folds or them."
        )
    if arrays.by_time:
        raise DataError(
            f"{spec.source}: expected no times beside --folds {spec.folds}, as a fold would be "
            "trained on what comes after it. Received: some: leave out --folds or them."
        )


def _by_blocks(
    found: np.ndarray, fractions: Mapping[str, float], spec: DataSpec, *, by_time: bool
) -> dict[str, Indices]:
    if by_time:
        return blocks.split_by_time(found, fractions)
    return blocks.split_by_group(found, fractions, seed=spec.seed)


def _check_every_class(labels: np.ndarray, classes: tuple[object, ...], source: str) -> None:
    counts = np.bincount(labels, minlength=len(classes))
    if not counts.all():
        raise DataError(
            f"{source}: expected every class among the training rows. "
            f"Received: class {classes[int(counts.argmin())]!r} in another part only: "
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
    return encoding.fit(train.rows.x[train.indices], spec.scaling, impute=spec.impute)


def _fit_inputs(train: Selection, spec: DataSpec) -> SeveralInputs | None:
    if not are_several(train.rows.x):
        return None
    return fit_inputs(train.rows.x, train.indices, spec.scaling)


def _fit_features(arrays: Arrays, train: Selection, spec: DataSpec) -> Scaler | None:
    if arrays.vocabulary is not None:
        return None  # the number of a word measures nothing
    same_unit = arrays.same_unit or scaling.shares_unit(train.rows.x)
    rows = Pieces(train.rows.x, train.indices)
    return scaling.fit(rows, spec.scaling, same_unit=same_unit, what="values in x")


def _fit_targets(targets: Targets, train: Selection, spec: DataSpec) -> Scaler | None:
    if targets.heads is not None:
        return heads.fit(targets.heads, train.rows.y, train.indices, spec.scaling)
    if targets.task != "regression" or spec.scaling == "none":
        return None
    rows = Pieces(train.rows.y, train.indices)
    return scaling.fit(rows, "standard", same_unit=False, what="targets")


def _part(
    selection: Selection,
    targets: Targets,
    scaler: Scaler | Encoder | SeveralInputs | None,
    target_scaler: Scaler | None,
    *,
    by_rows: bool,
    allocate: Allocate,
) -> Part:
    x = _scaled(Pieces(selection.rows.x, selection.indices), scaler, allocate)
    if by_rows:
        return Part(x=x, y=x.reshape(len(x), -1))
    y = targets.encode(selection.rows.y[selection.indices])
    return Part(x=x, y=y if target_scaler is None else target_scaler.transform(y))


def _scaled(
    rows: Pieces, scaler: Scaler | Encoder | SeveralInputs | None, allocate: Allocate
) -> Floats:
    shape = rows.shape[1:]
    if isinstance(scaler, (Encoder, SeveralInputs)):
        shape = (scaler.width,)
        rows = dataclasses.replace(rows, width=scaler.width)
    scaled, start = allocate((rows.shape[0], *shape)), 0
    for piece in rows:
        into = scaled[start : start + len(piece)]
        into[:] = piece if scaler is None else scaler.transform(piece)
        start += len(piece)
    return scaled
