"""The columns that a trial is asked for, of all parts: see ``tuner.datasets.feature_selection``."""

from __future__ import annotations

import dataclasses

import numpy as np

from search_spaces.parameters.feature_choice import ALL, FEATURES, KBEST, parts_of_choice
from search_spaces.shapes import Inputs
from tuner.datasets import feature_selection
from tuner.datasets.chunks import Allocate, Chunks, join
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.feature_selection import FeatureSelection
from tuner.datasets.prepared_data import Data, Part
from tuner.errors import shorten
from tuner.resources import memory

_FITTED = 2 * np.dtype(np.float64).itemsize  # bytes of a value while scikit-learn fits
_GIGA = 1e9


def select(data: Data, spec: DataSpec, allocate: Allocate) -> Data:
    """Returns data with the columns that the spec asks for, all as they are where it asks nothing.

    Args:
        data: Prepared, with all columns.
        spec: Its source; ``preparation["features"]`` is what is asked.
        allocate: As for ``tuner.datasets.preparation.load``.

    Raises:
        DataError: Its rows are no columns, there are fewer of them, or no single target to test
            them by.
    """
    asked = spec.preparation.get(FEATURES, ALL)
    if asked == ALL:
        return data
    _check(data, spec, asked)
    method, count = parts_of_choice(asked)
    # A later fold may know fewer categories than the first one, which was looked at at the launch.
    count = min(count, _most(data, method))
    selection = feature_selection.fit(
        f"{method}:{count}", data.train.x, data.train.y, classes=data.classes is not None
    )
    train, validation, test = (
        _transform(part, selection, count, allocate)
        for part in (data.train, data.validation, data.test)
    )
    return dataclasses.replace(
        data,
        train=train,
        validation=validation,
        test=test,
        inputs=Inputs(shape=(count,)),
        features=selection,
    )


def _check(data: Data, spec: DataSpec, asked: str) -> None:
    method, count = parts_of_choice(asked)
    source, option = shorten(spec.source, 60), f"--set {FEATURES}={asked}"
    kind = None
    if data.inputs.shapes is not None:
        kind = "several inputs"
    elif data.inputs.vocabulary is not None:
        kind = "the words of texts"
    elif spec.learns == "rows":
        kind = "a space that learns the rows themselves"
    elif len(data.inputs.shape) != 1:
        kind = f"rows of shape {'x'.join(map(str, data.inputs.shape))}"
    if kind is not None:
        raise DataError(
            f"{source}: expected rows of columns for {option}. Received: {kind}: leave it out."
        )
    (width,), rows, most = data.inputs.shape, len(data.train), _most(data, method)
    if count > most and spec.fold == 0:
        of_rows = f" and {rows} training rows" if most < width else ""
        raise DataError(
            f"{source}: expected at most {most} features. Received: {option} of {width} columns "
            f"as they are prepared{of_rows}: ask for fewer."
        )
    if method == KBEST and (data.heads is not None or data.train.y.ndim > 1):
        raise DataError(
            f"{source}: expected a single target for {option}, by which columns are tested. "
            "Received several: take pca."
        )
    size, free = data.train.x.size * _FITTED, memory.available()
    if free is not None and size > free:
        raise DataError(
            f"{source}: expected training rows for {option} that fit into memory while it is "
            f"fitted, {free / _GIGA:.1f} GB. Received: {size / _GIGA:,.1f} GB: take fewer rows, or "
            "leave it out."
        )


def _most(data: Data, method: str) -> int:
    """The columns that a method can find in such rows."""
    (width,) = data.inputs.shape
    return width if method == KBEST else min(width, len(data.train))


def _transform(part: Part, selection: FeatureSelection, count: int, allocate: Allocate) -> Part:
    pieces = map(selection.transform, Chunks(part.x, np.arange(len(part))))
    return dataclasses.replace(part, x=join(pieces, (len(part), count), allocate))
