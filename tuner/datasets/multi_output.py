"""Targets of several outputs, such as a class and a number.

Raw targets are a structured array ``(rows,)`` with a field for each output. For training they are
concatenated to one matrix, classes as their positions and regression targets scaled, so that
splits, cache and batches handle a single array as always. Models concatenate their outputs, too,
while they train (``search_spaces.model_outputs``); an exported model returns a dict. Code for a
single output gets the data from ``one``.

Several inputs are treated alike, see ``tuner.datasets.multi_input``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import scaling, structured_arrays
from tuner.datasets.chunks import Chunks
from tuner.datasets.columns.column_names import shown
from tuner.datasets.errors import DataError
from tuner.datasets.prepared_data import Data, Part, Selection
from tuner.datasets.scaling import Scaler
from tuner.datasets.task import Targets
from tuner.errors import quoted

FEWEST = 2
PREFIXES = ("val", "test")  # of metrics on other parts than the training part


def join(arrays: Mapping[str, NDArray[Any]], where: str) -> NDArray[Any]:
    """Returns targets as a structured array ``(rows,)`` with a field for each output.

    Args:
        arrays: Targets ``(rows,)`` or ``(rows, units)`` by output.
        where: Their source, for error messages.

    Raises:
        DataError: Different numbers of rows.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        received = ", ".join(f"{count} in y[{quoted(name)}]" for name, count in lengths.items())
        raise DataError(
            f"{where}: expected the same number of rows in every output. Received: {received}: "
            "make them of one length."
        )
    return structured_arrays.join_arrays(arrays)


def check_names(names: Mapping[Any, Any], where: str) -> None:
    """Checks the names of several outputs, which Keras gives to layers and to ``NAME_loss``.

    Args:
        names: Anything by output.
        where: Their source, for error messages.

    Raises:
        DataError: Fewer than two, or a name that is not valid for layers and metrics.
    """
    for name in names:
        is_valid = isinstance(name, str) and name and "/" not in name
        if not is_valid or name.split("_")[0] in PREFIXES:
            raise DataError(
                f"{where}: expected outputs with names that Keras takes, without a slash, which "
                f"do not begin with {' or '.join(PREFIXES)}, as metrics of other parts do. "
                f"Received: {quoted(name)}: rename it."
            )
    if len(names) < FEWEST:
        raise DataError(
            f"{where}: expected {FEWEST} outputs or more in a dict as y. Received: "
            f"{shown(list(names)) or 'none'}: give a single output as an array."
        )


def are_several(y: NDArray[Any]) -> bool:
    """Whether these are the targets of several outputs."""
    return y.dtype.names is not None


def fit(
    heads: Mapping[str, Targets],
    rows: NDArray[Any],
    indices: NDArray[np.int64],
    kind: str,
    *,
    exact: bool = True,
) -> Scaler | None:
    """Returns a scaling of the concatenated targets; None where nothing is scaled.

    Columns that are no regression get centre 0 and spread 1.

    Args:
        heads: Targets by output.
        rows: Structured array ``(rows,)`` from ``join``.
        indices: The training rows, int64 ``(training rows,)``.
        kind: One of ``SCALINGS``.
        exact: As ``DataSpec.exact`` says.

    Raises:
        DataError: Targets of an output differ, but by too little.
    """
    centres, spreads = [], []
    for name, head in heads.items():
        width, scaler = head.outputs.columns, None
        if head.task == "regression" and kind != "none":
            values = Chunks(rows[name], indices)
            what = f"targets in y[{quoted(name)}]"
            scaler = scaling.fit(values, "standard", same_unit=False, what=what, exact=exact)
        centres.append(np.broadcast_to(0.0 if scaler is None else scaler.centre, width))
        spreads.append(np.broadcast_to(1.0 if scaler is None else scaler.spread, width))
    dtype = "float64" if exact else "float32"
    centre, spread = (np.concatenate(each).astype(dtype) for each in (centres, spreads))
    if not centre.any() and (spread == 1).all():
        return None
    return Scaler(centre=centre, spread=spread)


def check_training_part(heads: Mapping[str, Targets], train: Selection, source: str) -> None:
    """Checks that the training part has every class of every output.

    Args:
        heads: Targets by output.
        train: The training rows.
        source: Their source, for error messages.

    Raises:
        DataError: A class is missing.
    """
    for name, head in heads.items():
        if head.labels is None:
            continue
        positions = head.encode(train.rows.y[name][train.indices])
        counts = np.bincount(positions, minlength=len(head.labels))
        if not counts.all():
            raise DataError(
                f"{source}: expected every class of y[{quoted(name)}] among the training rows. "
                f"Received: class {quoted(head.labels[int(counts.argmin())])} in other parts only: "
                "add rows of it, or split with another --data-seed."
            )


def flags(heads: Mapping[str, Targets], y: NDArray[Any]) -> NDArray[Any] | None:
    """Returns the flags that a stratified split balances; None without classes and labels.

    Args:
        heads: Targets by output.
        y: Structured array ``(rows,)`` of raw targets.

    Returns:
        bool ``(rows, flags)``: a column for each class and label of all outputs.
    """
    indicators = [
        y[name].astype(bool) if head.labels is None else _one_hot(head, y[name])
        for name, head in heads.items()
        if head.task != "regression"
    ]
    return np.concatenate(indicators, axis=1) if indicators else None


def _one_hot(head: Targets, y: NDArray[Any]) -> NDArray[np.bool_]:
    return np.eye(len(head.labels or ()), dtype=bool)[head.encode(y)]


def columns(heads: Mapping[str, Targets]) -> dict[str, slice]:
    """Returns the columns of each output in the concatenated targets."""
    slices, start = {}, 0
    for name, head in heads.items():
        slices[name] = slice(start, start + head.outputs.columns)
        start = slices[name].stop
    return slices


def one(data: Data, name: str) -> Data:
    """Returns the data of a single output.

    Args:
        data: Data with several outputs.
        name: The output.
    """
    assert data.heads is not None
    assert data.outputs.heads is not None
    head, which = data.heads[name], columns(data.heads)[name]
    number = list(data.heads).index(name)
    return dataclasses.replace(
        data,
        outputs=data.outputs.heads[name],
        classes=head.labels,
        targets=head.names,
        target_scaler=_scaler_of_output(data.target_scaler, head, which),
        train=_part_of_output(data.train, head, which, number),
        validation=_part_of_output(data.validation, head, which, number),
        test=_part_of_output(data.test, head, which, number),
        selections=_OfOne(data.selections, name),
        heads=None,
    )


def every(data: Data) -> dict[str, Data]:
    """Returns the data of each output by name; ``{}`` where targets have no named outputs."""
    return {name: one(data, name) for name in data.heads or ()}


def _part_of_output(part: Part, head: Targets, which: slice, number: int) -> Part:
    y = part.y[:, which]
    if head.labels is not None:
        y = y[:, 0].astype(np.int32)
    elif head.units == 1:
        y = y[:, 0]
    weights = part.weights
    if weights is not None and weights.ndim == 2:  # in each output by itself
        weights = weights[:, number]
    return dataclasses.replace(part, y=y, weights=weights)


def _scaler_of_output(scaler: Scaler | None, head: Targets, which: slice) -> Scaler | None:
    if scaler is None or head.task != "regression":
        return None
    centre, spread = scaler.centre[which], scaler.spread[which]
    if head.units == 1:
        return Scaler(centre=centre.reshape(()), spread=spread.reshape(()))
    return Scaler(centre=centre, spread=spread)


class _OfOne(Mapping[str, Selection]):
    """The raw rows of each part with the targets of one output, read on access."""

    def __init__(self, selections: Mapping[str, Selection], name: str) -> None:
        self._selections, self._name = selections, name

    def __getitem__(self, part: str) -> Selection:
        selection = self._selections[part]
        rows = dataclasses.replace(selection.rows, y=selection.rows.y[self._name])
        return dataclasses.replace(selection, rows=rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._selections)

    def __len__(self) -> int:
        return len(self._selections)

    def __contains__(self, part: object) -> bool:
        return part in self._selections
