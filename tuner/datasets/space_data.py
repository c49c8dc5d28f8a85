"""Rows as a search space changes them for its trials: ``data(self, hyperparameters, data)``.

It is given the raw rows of each part once they are divided, so that trials validate and test on the
same rows whatever it does, and before anything is fitted or scaled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces import catalog
from search_spaces.user_code.isolation import isolated, original
from search_spaces.user_code.source_files import brief
from tuner.datasets import multi_input, multi_output, structured_arrays, target_axes
from tuner.datasets.array_names import BY_PART, WEIGHTS
from tuner.datasets.checks import check
from tuner.datasets.columns.column_names import shown
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_memory
from tuner.datasets.prepared_data import Selection
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.task import Targets
from tuner.errors import one_line, quoted, shorten

METHOD = "data"


def change(
    arrays: Arrays, selections: Mapping[str, Selection], targets: Targets, spec: DataSpec
) -> tuple[Arrays, dict[str, Selection]]:
    """Returns the data set as the space changes it, with all of its parts, and all rows of these.

    Args:
        arrays: As the source has it.
        selections: Which rows are of which part.
        targets: What they were taken for.
        spec: Its ``space`` and the ``hyperparameters`` that this one asks for.

    Raises:
        DataError: The space raises, or what it returns cannot be used beside the parts as they
            were.
    """
    assert spec.space is not None
    where = shorten(f"data() of {brief(spec.space)}", 60)
    _check_size(selections, spec, where)
    given = {name: array for part in BY_PART for name, array in _named(part, selections[part])}
    returned = _call(spec, dict(given), where)
    rows = {part: _rows(part, {**given, **returned}) for part in BY_PART}
    changed = dataclasses.replace(arrays, parts=rows, by_time=False)
    if np.shape(rows["train"].x)[1:] != arrays.parts["train"].x.shape[1:]:
        changed = dataclasses.replace(changed, columns=None)  # not those that have names
    if returned.keys() & {x for x, _ in BY_PART.values()}:
        changed = dataclasses.replace(changed, columns_of=None)
    changed = check(changed, where)
    for part, one in changed.parts.items():
        if targets.axes:
            target_axes.check_same(one.y, targets, spec.mask_value, f"{where} ({part})")
        else:
            _check_targets(one.y, targets, f"{where} ({part})")
        if part != "train" and len(one.x) != len(selections[part].indices):
            raise DataError(
                f"{where}: expected as many {part} rows as before, so that trials compare. "
                f"Received: {len(one.x)} instead of {len(selections[part].indices)}: "
                "add or leave out training rows alone."
            )
    changed = target_axes.canonical(changed, targets, spec)
    return changed, {
        part: Selection(rows=one, indices=np.arange(len(one.x)))
        for part, one in changed.parts.items()
    }


def _check_size(selections: Mapping[str, Selection], spec: DataSpec, where: str) -> None:
    rows = [(one.rows.x, len(one.indices)) for one in selections.values()]
    check_memory(sum(x.nbytes // max(1, len(x)) * n for x, n in rows), f"{spec.name} for {where}")


def _named(part: str, selection: Selection) -> list[tuple[str, Any]]:
    """The arrays of a part by Keras's names; several inputs or outputs as a dict."""
    x_name, y_name = BY_PART[part]
    rows, chosen = selection.rows, selection.indices
    x, y = rows.x[chosen], rows.y[chosen]
    named: list[tuple[str, Any]] = [
        (x_name, structured_arrays.by_name(x) if multi_input.are_several(x) else x),
        (y_name, structured_arrays.by_name(y) if multi_output.are_several(y) else y),
    ]
    if rows.weights is not None:
        named.append((WEIGHTS[x_name], rows.weights[chosen]))
    return named


def _rows(part: str, named: Mapping[str, Any]) -> Rows:
    x_name, y_name = BY_PART[part]
    return Rows(x=named[x_name], y=named[y_name], weights=named.get(WEIGHTS[x_name]))


def _call(spec: DataSpec, named: dict[str, Any], where: str) -> Mapping[str, Any]:
    assert spec.space is not None
    names = ", ".join(named)
    try:
        with isolated(where):
            space: Any = catalog.load(spec.space)
            values = {
                name: space.parameters[name].as_declared(value)
                for name, value in spec.hyperparameters.items()
            }
            returned = space.data(values, named)
    except Exception as e:
        raise DataError(
            f"Expected {where} to return a dict of {names}. Received: {one_line(original(e))}."
        ) from e
    if not isinstance(returned, Mapping):
        raise DataError(
            f"Expected {where} to return a dict of {names}. Received: a value of type "
            f"{type(returned).__name__}: name what it changes, such as {{'x_train': ...}}."
        )
    others = [str(name) for name in returned if name not in named and name not in WEIGHTS.values()]
    if others:
        raise DataError(
            f"Expected {where} to return a dict of {names}. Received: {shown(others, 3)}."
        )
    return returned


def _check_targets(y: NDArray[Any], targets: Targets, where: str) -> None:
    """Refuses labels that the source does not have, and training rows without one of them."""
    for name, one in (targets.heads or {"": targets}).items():
        values = y[name] if name else y
        units = 1 if values.ndim == 1 else values.shape[1]
        if one.classes is None:
            if one.task != "binary" and units != one.units:
                raise DataError(
                    f"{where}: expected {one.units} target(s) a row. Received: {units}."
                )
            continue
        labels = np.unique(values)
        unknown = labels[~np.isin(labels, one.classes)]
        absent = one.classes[~np.isin(one.classes, labels)] if "(train)" in where else labels[:0]
        if len(unknown) or len(absent):
            what = "no other classes than the source's" if len(unknown) else "rows of every class"
            first = (unknown if len(unknown) else absent)[0].item()
            received = quoted(first) if len(unknown) else f"none of class {quoted(first)}"
            raise DataError(f"{where}: expected {what}. Received: {received}.")
