"""Data as trials see them: three scaled parts, and the raw rows that a saved model is scored on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.shapes import Inputs, Outputs
from tuner.datasets.columns.encoding import Encoder, by_column
from tuner.datasets.feature_selection import FeatureSelection
from tuner.datasets.multi_input import MultiInputEncoder
from tuner.datasets.prepared_stream import PreparedStream
from tuner.datasets.raw_data import PARTS, Rows
from tuner.datasets.scaling import Floats, Scaler
from tuner.datasets.structured_arrays import by_name
from tuner.datasets.target_units import LossUnit
from tuner.datasets.task import Targets

ClassWeights = tuple[float, ...] | tuple[tuple[float, ...] | None, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The rows of one part, ready for training.

    Attributes:
        x: Scaled features, contiguous float32 ``(rows, *shape)``.
        y: Class positions, int32 ``(rows,)``; labels, each 0 or 1, float32 ``(rows, units)``; or
            the targets of a regression, float32 ``(rows,)`` or ``(rows, units)``, in
            ``Data.target_unit``. Those of several outputs lie side by side, float32
            ``(rows, outputs.columns)``, the positions of classes among them. Where rows have
            places, ``(rows, *outputs.axes, outputs.columns)``.
        weights: How much each row counts in the loss, float32 ``(rows,)`` with a mean of 1, or in
            that of each of several outputs, ``(rows, outputs)``; None where all count the same,
            see ``tuner.datasets.sample_weights``. Where rows have places, ``(rows, *axes)``, or
            with axes of 1 for these; a place of weight 0 does not count in metrics either.
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
        columns_of: Of several inputs, those of each whose columns have names.
        encoder: How the columns of a table become numbers, where they are of several kinds; then
            ``scaler`` is None.
        inputs_encoder: How rows with several inputs become the one matrix of ``Part.x``; then
            ``scaler`` is None.
        targets: Names of several targets by position: of labels always, of a regression where the
            source has them.
        class_weights: What a row of each class counts in training, by position; None where all
            count the same. Of several outputs, these of each.
        heads: What is predicted by each of several outputs, by its name; see
            ``tuner.datasets.multi_output``. Then ``classes`` and ``targets`` are None.
        dropped: Columns of a table that are no features, and may be in rows to come.
        notes: What a user should know of how the source was read and of its numbers, one line
            each; see ``tuner.datasets.columns.collapsed_values``.
        features: Which columns, or what components of them, are left of scaled rows; None where all
            are there.
        stream: Where training rows are read anew in every epoch; ``train`` is a sample of them.
        found: What was found of how the source is written, see ``DataSpec.as_read``.
        targets_fingerprint: SHA-256 of the targets that trials are compared on, in their order.
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
    class_weights: ClassWeights | None = None
    encoder: Encoder | None = None
    targets: tuple[str, ...] | None = None
    inputs_encoder: MultiInputEncoder | None = None
    heads: Mapping[str, Targets] | None = None
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    columns_of: Mapping[str, tuple[str, ...]] | None = None
    targets_fingerprint: str = ""
    features: FeatureSelection | None = None
    stream: PreparedStream | None = None
    found: Mapping[str, Any] = field(default_factory=dict)

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """Shape of one row of numbers before columns are selected."""
        return self.inputs.shape if self.features is None else (self.features.width,)

    @property
    def training_rows(self) -> int:
        """Rows that a model sees in an epoch."""
        return len(self.train) if self.stream is None else self.stream.rows

    def raw(self, part: str) -> NDArray[Any] | dict[str, NDArray[Any]]:
        """Returns the part's features as the source holds them, for a model that takes raw rows.

        Of a table with columns of several kinds they come by column, each ``(rows, 1)``; several
        inputs come by their names.
        """
        selection = self._selection(part)
        rows = selection.rows.x[selection.indices]
        if self.inputs_encoder is not None:
            return by_name(rows)
        return rows if self.encoder is None else by_column(rows)

    def raw_targets(self, part: str) -> NDArray[Any]:
        """Returns the part's targets as the source holds them: labels, or numbers unscaled.

        Those of several outputs are fields of a structured array ``(rows,)``.
        """
        selection = self._selection(part)
        return selection.rows.y[selection.indices]

    @property
    def target_unit(self) -> str | None:
        """The unit of a regression's loss in words, None for all other tasks."""
        if self.outputs.task != "regression":
            return None
        if self.target_scaler is None or self._loss_is_told_in_unit:
            return "unit of the targets"
        spread = np.atleast_1d(self.target_scaler.spread)
        return (
            f"standard deviations of the training targets ({', '.join(f'{s:.4g}' for s in spread)})"
        )

    @property
    def loss_unit(self) -> LossUnit:
        """Whether the loss of studies is told in the targets' unit, see ``StudySpec.loss_unit``."""
        if self.outputs.as_trained:
            return None
        if self._loss_is_told_in_unit:
            return "targets"
        heads = (self.outputs.heads or {}).values()
        scaled = any(head.unit is not None for head in (self.outputs, *heads))
        return "scaled" if scaled else None

    @property
    def _loss_is_told_in_unit(self) -> bool:
        return self.outputs.unit is not None and self.outputs.unit.of_loss

    def _selection(self, part: str) -> Selection:
        if part not in self.selections:
            raise ValueError(f"Expected a part, one of {', '.join(PARTS)}. Received: {part!r}.")
        return self.selections[part]
