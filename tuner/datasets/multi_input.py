"""Rows with several inputs, such as an image and a few numbers.

Raw rows are a structured array ``(rows,)`` with a field for each input, of any shape. For training
each input is scaled, flattened and concatenated to one matrix, so that splits, cache and batches
handle a single array as always. Models split the matrix again while they train
(``search_spaces.model_inputs``); an exported model takes a dict of raw arrays.

Targets of several outputs are treated alike, see ``tuner.datasets.multi_output``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import scaling, structured_arrays
from tuner.datasets.chunks import Chunks
from tuner.datasets.errors import DataError
from tuner.datasets.scaling import Floats, Scaler
from tuner.errors import quoted


@dataclass(frozen=True, kw_only=True, eq=False)
class OneInput:
    """One input of several.

    Attributes:
        shape: Of a row's values.
        scaler: Their scaling, None where they are not scaled.
    """

    name: str
    shape: tuple[int, ...]
    scaler: Scaler | None

    @property
    def width(self) -> int:
        """Columns of the matrix that it takes."""
        return math.prod(self.shape)

    def encode(self, values: NDArray[Any]) -> Floats:
        """Returns scaled values ``(rows, width)``."""
        scaled = values.astype(np.float32) if self.scaler is None else self.scaler.transform(values)
        return scaled.reshape(len(values), self.width)


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiInputEncoder:
    """The fitted encoding of several inputs to one matrix.

    Attributes:
        inputs: In the order of their columns, sorted by name.
    """

    inputs: tuple[OneInput, ...]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of a row's values by input."""
        return {each.name: each.shape for each in self.inputs}

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return sum(each.width for each in self.inputs)

    def transform(self, rows: NDArray[Any]) -> Floats:
        """Returns float32 ``(rows, width)``."""
        return np.concatenate([each.encode(rows[each.name]) for each in self.inputs], axis=1)

    def to_dict(self) -> list[dict[str, Any]]:
        """Returns plain values that JSON can hold."""
        return [
            {
                "name": each.name,
                "shape": each.shape,
                "scaler": each.scaler
                and {
                    "centre": each.scaler.centre.tolist(),
                    "spread": each.scaler.spread.tolist(),
                    "dtype": each.scaler.dtype,
                },
            }
            for each in self.inputs
        ]

    @classmethod
    def from_dict(cls, values: list[Mapping[str, Any]]) -> MultiInputEncoder:
        """Returns what ``to_dict`` wrote, to the last bit."""
        return cls(
            inputs=tuple(
                OneInput(
                    name=each["name"],
                    shape=tuple(each["shape"]),
                    scaler=each["scaler"]
                    and Scaler(
                        centre=np.asarray(each["scaler"]["centre"], each["scaler"]["dtype"]),
                        spread=np.asarray(each["scaler"]["spread"], each["scaler"]["dtype"]),
                    ),
                )
                for each in values
            )
        )


def fit(
    rows: NDArray[Any], indices: NDArray[np.int64], kind: str, *, exact: bool = True
) -> MultiInputEncoder:
    """Returns a scaling for each input, fitted to training rows.

    Args:
        rows: Structured array ``(rows,)`` from ``join``.
        indices: The training rows, int64 ``(training rows,)``.
        kind: One of ``SCALINGS``.
        exact: As ``DataSpec.exact`` says.

    Raises:
        DataError: Values of an input differ, but by too little.
    """
    return MultiInputEncoder(
        inputs=tuple(
            OneInput(
                name=name,
                shape=rows[name].shape[1:],
                scaler=scaling.fit(
                    Chunks(rows[name], indices),
                    kind,
                    same_unit=scaling.shares_unit(rows[name]),
                    what=f"values in x[{quoted(name)}]",
                    exact=exact,
                ),
            )
            for name in rows.dtype.names or ()
        )
    )


def are_several(rows: NDArray[Any]) -> bool:
    """Whether these are rows with several inputs, and no columns of a table."""
    names = rows.dtype.names
    return names is not None and all(rows.dtype[name].shape for name in names)


def join(arrays: Mapping[Any, Any], where: str) -> NDArray[Any]:
    """Returns arrays as a structured array ``(rows,)`` with a field for each input.

    Args:
        arrays: Real numbers ``(rows, ...)`` by input; ``(rows,)`` becomes ``(rows, 1)``.
        where: Their source, for error messages.

    Raises:
        DataError: No array, an invalid name or dtype, or different numbers of rows.
    """
    for name in arrays:
        if not isinstance(name, str) or not name or "/" in name:
            raise DataError(
                f"{where}: expected inputs with names that Keras takes, without a slash. "
                f"Received: {quoted(name)}: rename it."
            )
    checked = {
        name: _check_input(arrays[name], f"x[{quoted(name)}]", where) for name in sorted(arrays)
    }
    lengths = {name: len(array) for name, array in checked.items()}
    if not checked or len(set(lengths.values())) > 1:
        received = ", ".join(f"{count} in x[{quoted(name)}]" for name, count in lengths.items())
        raise DataError(
            f"{where}: expected the same number of rows in every input. "
            f"Received: {received or 'no input'}: make them of one length."
        )
    return structured_arrays.join_arrays(checked)


def _check_input(values: Any, name: str, where: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as e:
        raise DataError(
            f"{where}: expected an array for {name}. Received: a {type(values).__name__} that is "
            "none: give every row the same shape."
        ) from e
    if array.dtype.kind not in "buif" or array.ndim < 1 or not array.size:
        raise DataError(
            f"{where}: expected real numbers of shape (rows, ...) in {name}. "
            f"Received: {array.dtype} of shape {array.shape}: encode them as numbers."
        )
    return array[:, None] if array.ndim == 1 else array
