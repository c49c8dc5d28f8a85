"""Rows with several inputs, such as an image and a few numbers beside it.

Raw rows are a structured array ``(rows,)`` with a field for each input, whose values have a shape
of their own. For training every input is scaled by itself, flattened, and laid beside the others in
one matrix, so that whatever divides, keeps, shares and feeds rows handles one array as always. A
model cuts the matrix up again while it trains (``search_spaces.entrance``); the one that leaves the
project takes a dict of raw arrays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets import records, scaling
from tuner.datasets.errors import DataError
from tuner.datasets.pieces import Pieces
from tuner.datasets.scaling import Floats, Scaler


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
class SeveralInputs:
    """How rows with several inputs become one matrix.

    Attributes:
        inputs: By their names' order, as their columns stand.
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
                and {"centre": each.scaler.centre.tolist(), "spread": each.scaler.spread.tolist()},
            }
            for each in self.inputs
        ]

    @classmethod
    def from_dict(cls, values: list[Mapping[str, Any]]) -> SeveralInputs:
        """Returns what ``to_dict`` wrote, to the last bit."""
        return cls(
            inputs=tuple(
                OneInput(
                    name=each["name"],
                    shape=tuple(each["shape"]),
                    scaler=each["scaler"]
                    and Scaler(
                        centre=np.asarray(each["scaler"]["centre"], np.float32),
                        spread=np.asarray(each["scaler"]["spread"], np.float32),
                    ),
                )
                for each in values
            )
        )


def fit(rows: NDArray[Any], indices: NDArray[np.int64], kind: str) -> SeveralInputs:
    """Returns the scalings of training rows, each input's by itself.

    Args:
        rows: As ``join`` returns them.
        indices: Which of them are trained on.
        kind: One of ``SCALINGS``.

    Raises:
        DataError: Values of an input differ, but by too little.
    """
    return SeveralInputs(
        inputs=tuple(
            OneInput(
                name=name,
                shape=rows[name].shape[1:],
                scaler=scaling.fit(
                    Pieces(rows[name], indices),
                    kind,
                    same_unit=scaling.shares_unit(rows[name]),
                    what=f"values in x[{name!r}]",
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
    """Returns a dict of arrays as rows ``(rows,)``, with a field for each input by name.

    Arrays ``(rows,)`` become ``(rows, 1)``.

    Args:
        where: Where they come from, for messages.

    Raises:
        DataError: There is none, a name or a type cannot be, or they differ in length.
    """
    for name in arrays:
        if not isinstance(name, str) or not name or "/" in name:
            raise DataError(
                f"{where}: expected inputs with names that Keras takes, without a slash. "
                f"Received: {name!r}: give it another."
            )
    found = {name: _array(arrays[name], f"x[{name!r}]", where) for name in sorted(arrays)}
    lengths = {name: len(array) for name, array in found.items()}
    if not found or len(set(lengths.values())) > 1:
        told = ", ".join(f"{count} in x[{name!r}]" for name, count in lengths.items())
        raise DataError(
            f"{where}: expected as many rows in every input. Received: {told or 'no input'}: "
            "make them of one length."
        )
    return records.joined(found)


def _array(values: Any, name: str, where: str) -> NDArray[Any]:
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
