"""Data as trials see them: three scaled parts, and the raw rows that a saved model is scored on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.shapes import Inputs, Outputs
from tuner.datasets.arrays import PARTS, Rows
from tuner.datasets.encoding import Encoder, by_column
from tuner.datasets.records import by_name
from tuner.datasets.scaling import Floats, Scaler
from tuner.datasets.several import SeveralInputs
from tuner.datasets.task import Targets


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The rows of one part, ready for training.

    Attributes:
        x: Scaled features, contiguous float32 ``(rows, *shape)``.
        y: Class positions, int32 ``(rows,)``; labels, each 0 or 1, float32 ``(rows, units)``; or
            the targets of a regression, float32 ``(rows,)`` or ``(rows, units)``, in
            ``Data.target_unit``. Those of several outputs lie side by side, float32
            ``(rows, outputs.columns)``, the positions of classes among them.
        weights: How much each row counts in the loss, float32 ``(rows,)``; None where all count
            the same, see ``tuner.datasets.weights``.
    """

    x: Floats
    y: NDArray[Any]
    weights: Floats | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.x)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that there are, by name."""
        return {name: array for name, array in vars(self).items() if array is not None}

    def first(self, rows: int) -> Part:
        """Returns the first rows."""
        return Part(**{name: array[:rows] for name, array in self.arrays.items()})


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """Some rows of a raw data set; they are copied only when asked for.

    Attributes:
        rows: The raw arrays as the source holds them.
        indices: Which of their rows belong to this part.
    """

    rows: Rows
    indices: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """A data set, divided and scaled.

    Attributes:
        name: A short name, ``DataSpec.name``.
        inputs: Shape of one row.
        outputs: Task, number of outputs, their activation and the loss.
        classes: The class labels of the source by position, None where there are no classes.
        train: What trials learn from, and what the scalings were fitted on.
        validation: What trials are compared by.
        test: What only finished models are scored on.
        scaler: Scaling of the features, None where they are not scaled.
        target_scaler: Scaling of a regression's targets, None where they are not scaled; of
            several outputs that of their columns side by side.
        selections: The raw rows of each part.
        fingerprint: SHA-256 of the raw arrays and of what decides the parts, hexadecimal.
        columns: Names of the features ``(columns,)``, None where the source names none.
        encoder: How the columns of a table become numbers, where they are of several kinds; then
            ``scaler`` is None.
        several: How rows with several inputs become the one matrix of ``Part.x``; then ``scaler``
            is None.
        targets: Names of several targets by position: of labels always, of a regression where the
            source has them.
        class_weights: What a row of each class counts in training, by position; None where all
            count the same.
        heads: What is predicted by each of several outputs, by its name; see
            ``tuner.datasets.heads``. Then ``classes`` and ``targets`` are None.
    """

    name: str
    inputs: Inputs
    outputs: Outputs
    classes: tuple[Any, ...] | None
    train: Part
    validation: Part
    test: Part
    scaler: Scaler | None
    target_scaler: Scaler | None
    selections: Mapping[str, Selection]
    fingerprint: str
    columns: tuple[str, ...] | None = None
    class_weights: tuple[float, ...] | None = None
    encoder: Encoder | None = None
    targets: tuple[str, ...] | None = None
    several: SeveralInputs | None = None
    heads: Mapping[str, Targets] | None = None

    def raw(self, part: str) -> NDArray[Any] | dict[str, NDArray[Any]]:
        """Returns the part's features as the source holds them, for a model that takes raw rows.

        Of a table with columns of several kinds they come by column, each ``(rows, 1)``; several
        inputs come by their names.
        """
        selection = self._selection(part)
        rows = selection.rows.x[selection.indices]
        if self.several is not None:
            return by_name(rows)
        return rows if self.encoder is None else by_column(rows)

    def raw_targets(self, part: str) -> NDArray[Any]:
        """Returns the part's targets as the source holds them: labels, or numbers unscaled.

        Those of several outputs are fields of a structured array ``(rows,)``.
        """
        selection = self._selection(part)
        return selection.rows.y[selection.indices]

    @property
    def smallest_part(self) -> int:
        """Rows of the smallest part; ``len(data.train)`` bounds the batch size."""
        return min(len(self.train), len(self.validation), len(self.test))

    @property
    def target_unit(self) -> str | None:
        """The unit of a regression's loss and metrics in words, None for all other tasks."""
        if self.outputs.task != "regression":
            return None
        if self.target_scaler is None:
            return "unit of the targets"
        spread = np.atleast_1d(self.target_scaler.spread)
        return (
            f"standard deviations of the training targets ({', '.join(f'{s:.4g}' for s in spread)})"
        )

    def _selection(self, part: str) -> Selection:
        if part not in self.selections:
            raise ValueError(f"Expected a part, one of {', '.join(PARTS)}. Received: {part!r}.")
        return self.selections[part]
