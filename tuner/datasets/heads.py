"""Rows with several outputs, such as a class and a number beside it.

Raw targets are a structured array ``(rows,)`` with a field for each output. For training they lie
side by side in one matrix, a class as the number of its position and a regression scaled, so that
whatever divides, keeps, shares and feeds targets handles one array as always. A model lays its
answers side by side, too, while it trains (``search_spaces.exits``); the one that leaves the
project answers with a dict. What looks at a single output takes the data as ``one`` shows them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import records, scaling
from tuner.datasets.data import Data, Part, Selection
from tuner.datasets.errors import DataError
from tuner.datasets.pieces import Pieces
from tuner.datasets.scaling import Scaler
from tuner.datasets.task import Targets

FEWEST = 2
PREFIXES = ("val", "test")  # of metrics on other parts than the training part


def join(arrays: Mapping[str, NDArray[Any]], where: str) -> NDArray[Any]:
    """Returns targets by output as rows ``(rows,)``, with a field for each by name.

    Args:
        arrays: Each ``(rows,)`` or ``(rows, units)``.
        where: Where they come from, for messages.

    Raises:
        DataError: They differ in length.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{count} in y[{name!r}]" for name, count in lengths.items())
        raise DataError(
            f"{where}: expected as many targets for every output. Received: {told}: make them of "
            "one length."
        )
    return records.joined(arrays)


def check_names(names: Mapping[Any, Any], where: str) -> None:
    """Checks what several outputs are called.

    Raises:
        DataError: There are fewer than two, or a name cannot be: Keras's layers, and metrics such
            as ``NAME_loss``, are called by it.
    """
    for name in names:
        proper = isinstance(name, str) and name and "/" not in name
        if not proper or name.split("_")[0] in PREFIXES:
            raise DataError(
                f"{where}: expected outputs with names that Keras takes, without a slash, which "
                f"do not begin with {' or '.join(PREFIXES)}, as metrics of other parts do. "
                f"Received: {name!r}: give it another."
            )
    if len(names) < FEWEST:
        raise DataError(
            f"{where}: expected {FEWEST} outputs or more in a dict as y. Received: "
            f"{', '.join(names) or 'none'}: give a single output as an array."
        )


def are_several(y: NDArray[Any]) -> bool:
    """Whether these are the targets of several outputs."""
    return y.dtype.names is not None


def fit(
    heads: Mapping[str, Targets], rows: NDArray[Any], indices: NDArray[np.int64], kind: str
) -> Scaler | None:
    """Returns the scaling of targets side by side, which leaves all but regressions as they are.

    Args:
        rows: As ``join`` returns them.
        indices: Which of them are trained on.
        kind: One of ``SCALINGS``.

    Raises:
        DataError: Targets of an output differ, but by too little.
    """
    centres, spreads = [], []
    for name, head in heads.items():
        width, found = head.outputs.columns, None
        if head.task == "regression" and kind != "none":
            pieces = Pieces(rows[name], indices)
            found = scaling.fit(pieces, "standard", same_unit=False, what=f"targets in y[{name!r}]")
        centres.append(np.broadcast_to(0.0 if found is None else found.centre, width))
        spreads.append(np.broadcast_to(1.0 if found is None else found.spread, width))
    centre, spread = (np.concatenate(each).astype(np.float32) for each in (centres, spreads))
    if not centre.any() and (spread == 1).all():
        return None
    return Scaler(centre=centre, spread=spread)


def check_training_part(heads: Mapping[str, Targets], train: Selection, source: str) -> None:
    """Checks that every class of every output can be learned.

    Raises:
        DataError: One is among the training rows of none.
    """
    for name, head in heads.items():
        if head.labels is None:
            continue
        positions = head.encode(train.rows.y[name][train.indices])
        counts = np.bincount(positions, minlength=len(head.labels))
        if not counts.all():
            raise DataError(
                f"{source}: expected every class of y[{name!r}] among the training rows. "
                f"Received: class {head.labels[int(counts.argmin())]!r} in other parts only: add "
                "rows of it, or divide them otherwise with --data-seed."
            )


def flags(heads: Mapping[str, Targets], y: NDArray[Any]) -> NDArray[Any] | None:
    """Returns 1 where a row has a class or a label of an output, else 0, ``(rows, all of them)``.

    None where there are neither classes nor labels.
    """
    found = [
        y[name].astype(bool) if head.labels is None else _one_hot(head, y[name])
        for name, head in heads.items()
        if head.task != "regression"
    ]
    return np.concatenate(found, axis=1) if found else None


def _one_hot(head: Targets, y: NDArray[Any]) -> NDArray[np.bool_]:
    return np.eye(len(head.labels or ()), dtype=bool)[head.encode(y)]


def columns(heads: Mapping[str, Targets]) -> dict[str, slice]:
    """Returns which columns of targets side by side are whose."""
    found, start = {}, 0
    for name, head in heads.items():
        found[name] = slice(start, start + head.outputs.columns)
        start = found[name].stop
    return found


def one(data: Data, name: str) -> Data:
    """Returns the data as a model with this output alone would see them."""
    assert data.heads is not None
    head, which = data.heads[name], columns(data.heads)[name]
    return dataclasses.replace(
        data,
        outputs=head.outputs,
        classes=head.labels,
        targets=head.names,
        target_scaler=_scaler(data.target_scaler, head, which),
        train=_part(data.train, head, which),
        validation=_part(data.validation, head, which),
        test=_part(data.test, head, which),
        selections=_OfOne(data.selections, name),
        heads=None,
    )


def every(data: Data) -> dict[str, Data]:
    """Returns the data as ``one`` shows them by output; nothing where there is a single one."""
    return {name: one(data, name) for name in data.heads or ()}


def _part(part: Part, head: Targets, which: slice) -> Part:
    y = part.y[:, which]
    if head.labels is not None:
        y = y[:, 0].astype(np.int32)
    elif head.units == 1:
        y = y[:, 0]
    return dataclasses.replace(part, y=y)


def _scaler(scaler: Scaler | None, head: Targets, which: slice) -> Scaler | None:
    if scaler is None or head.task != "regression":
        return None
    centre, spread = scaler.centre[which], scaler.spread[which]
    if head.units == 1:
        return Scaler(centre=centre.reshape(()), spread=spread.reshape(()))
    return Scaler(centre=centre, spread=spread)


class _OfOne(Mapping[str, Selection]):
    """The raw rows of each part with the targets of one output, once somebody asks for them."""

    def __init__(self, selections: Mapping[str, Selection], name: str) -> None:
        self._selections, self._name = selections, name

    def __getitem__(self, part: str) -> Selection:
        found = self._selections[part]
        rows = dataclasses.replace(found.rows, y=found.rows.y[self._name])
        return dataclasses.replace(found, rows=rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._selections)

    def __len__(self) -> int:
        return len(self._selections)

    def __contains__(self, part: object) -> bool:
        return part in self._selections
