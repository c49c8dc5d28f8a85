"""What is known of a data set with a name before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """The facts of one set; each source adds where its rows come from.

    Attributes:
        rows: Number of rows, all parts together.
        shape: Shape of one row.
        task: What is predicted, see ``tuner.datasets.task``.
        classes: Number of classes, None for a regression.
        summary: What the rows are.
        same_unit: Whether all values of a row are measured in one unit.
    """

    rows: int
    shape: tuple[int, ...]
    task: str
    classes: int | None
    summary: str
    same_unit: bool = False
