"""What names a data set and how it is divided: the part of a study that concerns data."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from search_spaces.shapes import Learns, Task
from tuner.datasets.errors import DataError
from tuner.errors import did_you_mean

TASKS: tuple[str, ...] = tuple(task for task in get_args(Task) if task != "several")
LEARNS: tuple[str, ...] = get_args(Learns)
SCALINGS = ("standard", "minmax", "none")


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """A source of rows and how they become training, validation and test parts.

    Everything here is saved in the study, so that each worker loads the same numbers.

    Attributes:
        source: A name (``digits``) or a path (``house.csv``, ``images.npz``, ``data.py:load``).
        target: The column that is predicted; for tables (``.csv``, ``.parquet``) only.
        task: One of ``TASKS``, or None to find it from the targets (see ``tuner.datasets.task``).
            Of several outputs ``NAME=TASK`` with commas between; others are found.
        validation: Fraction of the rows for the validation part, above 0.
        test: Fraction of the rows for the test part, above 0. Fractions are of the rows that are
            divided: a part that the source brings itself (``x_test``) is used as it is.
        scaling: One of ``SCALINGS`` (see ``tuner.datasets.scaling``).
        seed: Decides which row goes to which part; 0 or more.
        weights: The column that says how much each row counts; for tables only.
        class_weights: ``balanced``, or ``LABEL=WEIGHT`` with commas between: how much rows of a
            class count in training.
        impute: Whether values may be missing in the columns of a table.
        group: The column of a table that says which rows must come into one part.
        split_by_time: The column of a table by which the latest rows come into the test part,
            those before them into the validation part.
        text: Columns of a table that are text, whatever they look like.
        validation_data: A path of the source's kind: the validation part as it is.
        test_data: The same for the test part.
        folds: Parts that validate one after another; 1 for a validation part of its own.
        fold: Which of them validates, from 0.
        learns: One of ``LEARNS``: with ``rows`` the targets are the rows themselves, flattened and
            scaled as they are. Follows from the search space.
    """

    source: str
    target: str | None = None
    task: str | None = None
    validation: float = 0.2
    test: float = 0.2
    scaling: str = "standard"
    seed: int = 0
    weights: str | None = None
    class_weights: str | None = None
    impute: bool = False
    group: str | None = None
    split_by_time: str | None = None
    text: tuple[str, ...] = ()
    validation_data: str | None = None
    test_data: str | None = None
    folds: int = 1
    fold: int = 0
    learns: str = "targets"

    def __post_init__(self) -> None:
        if not self.source:
            raise DataError(
                "Expected a data set name or a path. Received: nothing: see `tuner datasets`."
            )
        if self.task is not None:
            for one in by_output(self.task).values():
                _check_choice("task", one, TASKS)
        _check_choice("scaling", self.scaling, SCALINGS)
        _check_choice("learns", self.learns, LEARNS)
        if self.learns == "rows" and self.task not in (None, "regression"):
            raise DataError(
                "Expected no task with a space that learns the rows themselves. "
                f"Received: {self.task}: leave it out."
            )
        if self.group is not None and self.split_by_time is not None:
            raise DataError(
                "Expected --group or --split-by-time. Received: both: leave one of them out."
            )
        if self.folds < 1 or (self.folds > 1 and self.split_by_time is not None):
            raise DataError(
                "Expected --folds 2 or more, and no --split-by-time, as a fold would be trained "
                f"on what comes after it. Received: --folds {self.folds}."
            )
        _check_fraction("validation", self.validation)
        _check_fraction("test", self.test)
        if self.validation + self.test >= 1:
            raise DataError(
                "Expected validation and test fractions that leave rows to train on. "
                f"Received: {self.validation} + {self.test}: lower one of them."
            )
        if self.seed < 0:
            raise DataError(f"Expected a data seed of 0 or more. Received: {self.seed}.")

    @property
    def is_path(self) -> bool:
        """Whether the source is the user's: names hold neither a dot nor a path separator."""
        return "." in self.source or "/" in self.source or os.sep in self.source

    @property
    def given(self) -> dict[str, str]:
        """The path of each part that the user brings in a file or folder of its own."""
        named = {"validation": self.validation_data, "test": self.test_data}
        return {part: path for part, path in named.items() if path is not None}

    @property
    def name(self) -> str:
        """A short name for people and studies: ``digits``, ``house``, or the function's name."""
        if not self.is_path:
            return self.source
        path, colon, function = self.source.rpartition(".py:")
        if colon and path:
            return function
        return Path(re.sub(r":\d+x\d+$", "", self.source)).stem  # the size of images

    def resolve(self) -> DataSpec:
        """Returns the same spec with absolute paths, for workers started in other folders."""
        return dataclasses.replace(
            self,
            source=_absolute(self.source) if self.is_path else self.source,
            validation_data=self.validation_data and _absolute(self.validation_data),
            test_data=self.test_data and _absolute(self.test_data),
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values that JSON can hold."""
        return {**dataclasses.asdict(self), "text": list(self.text)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataSpec:
        """Returns the spec that ``to_dict`` wrote.

        Raises:
            DataError: A field is unknown here, as when another version wrote it.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise DataError(
                f"Expected the fields {', '.join(sorted(known))} in a data spec. "
                f"Received: {', '.join(unknown)}: use the version of tuner that wrote it."
            )
        return cls(**{**values, "text": tuple(values.get("text", ()))})


def by_output(task: str) -> dict[str, str]:
    """Returns the tasks in ``NAME=TASK`` with commas between; one without a name is of ``""``."""
    pieces = [piece.strip().rpartition("=") for piece in task.split(",")]
    return {name: one for name, _, one in pieces}


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _check_choice(field: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise DataError(
            f"Expected {field} to be one of {', '.join(known)}. Received: {value!r}."
            f"{did_you_mean(value, known)}"
        )


def _check_fraction(field: str, value: float) -> None:
    if not 0 < value < 1:
        raise DataError(
            f"Expected {field} to be a fraction of the rows between 0 and 1. Received: {value}."
        )
