"""What names a data set and how it is divided: the part of a study that concerns data."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from search_spaces.parameters.feature_choice import FEATURES
from search_spaces.shapes import Learns, Task, shown_task
from tuner.datasets.errors import DataError
from tuner.datasets.table_format import PLAIN, TableFormat
from tuner.errors import did_you_mean, quoted

TASKS: tuple[str, ...] = tuple(task for task in get_args(Task) if task != "several")
LEARNS: tuple[str, ...] = get_args(Learns)
# False in studies of before.
NEW = ("drop_index", "drop_frame_index", "in_unit", "exact", "weighted_mean", "lenient", "impute")
LISTS = ("text", "categories", "drop", "columns")  # fields that hold names of columns
CLASS_WEIGHTS = "class_weights"  # among the arguments where trials search them
OF_OUTPUT = f"{CLASS_WEIGHTS}."  # before the name of one of several outputs
UNWEIGHED = "none"
RESAMPLING = "resampling"  # among what trials search of the preparation, as FEATURES is
UNCHANGED, RESAMPLINGS = "none", ("over", "under", "smote")
PREPARATION = (FEATURES, RESAMPLING)
NO_DATA = "none"  # source of a study without data: its code brings its own
GAP = 1.5  # usual distances of times; months differ in length by less
SCALINGS = ("standard", "minmax", "none")


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """A source of rows and how they become training, validation and test parts.

    Everything here is saved in the study, so that each worker loads the same numbers.

    Attributes:
        source: A name (``digits``) or a path (``house.csv``, ``images.npz``, ``data.py:load``).
        target: The column that is predicted; for tables (``.csv``, ``.parquet``, ...) only.
        task: One of ``TASKS``, or None to find it from the targets (see ``tuner.datasets.task``).
            Of several outputs ``NAME=TASK`` with commas between; others are found.
        validation: Fraction of the rows for the validation part, above 0.
        test: Fraction of the rows for the test part, above 0. Fractions are of the rows that are
            divided: a part that the source brings itself (``x_test``) is used as it is.
        scaling: One of ``SCALINGS`` (see ``tuner.datasets.scaling``).
        seed: Decides which row goes to which part, and which rows are drawn; 0 or more.
        weights: The column that says how much each row counts; for tables only.
        class_weights: ``balanced``, or ``LABEL=WEIGHT`` with commas between: how much rows of a
            class count in training.
        impute: Whether values may be missing in the columns of a table; None where they are in
            that of the training rows. Where they may, rows without a target are left out.
        group: The column of a table that says which rows must come into one part.
        split_by_time: The column of a table by which the latest rows come into the test part,
            those before them into the validation part.
        text: Columns of a table that are text, whatever they look like.
        categories: Columns of a table that are categories, whatever they look like; each text may
            name several, with commas between. The target may be one of them.
        drop: Columns of a table that are no features, named in the same way.
        drop_index: Whether columns are left out that have no name or only count the rows. Studies
            that were made before there was this choice keep them.
        drop_frame_index: The same of named columns of arrays, as data frames in memory have them.
        validation_data: A path of the source's kind: the validation part as it is.
        test_data: The same for the test part.
        folds: Parts that validate one after another; 1 for a validation part of its own.
        fold: Which of them validates, from 0.
        max_train_rows: Of folds that follow each other in time: the most rows that one trains on,
            which are the latest before those that validate; None for all that come before.
        learns: One of ``LEARNS``: with ``rows`` the targets are the rows themselves, flattened and
            scaled as they are. Follows from the search space.
        in_unit: Whether losses and metrics are told in the unit of the targets, and metrics are
            what scikit-learn means by their names; False in studies of versions before that.
        exact: Whether numbers that float32 cannot hold are centred and scaled before they are
            rounded to it (see ``tuner.datasets.scaling``); not in studies of before, which go on as
            they began.
        weighted_mean: Whether the loss of weighted rows is divided by the sum of their weights (see
            ``tuner.datasets.sample_weights``); in studies of before by their number.
        arguments: What a function of the user's is called with, by name; in a study the defaults of
            the arguments that its trials search. Of windows their length, ``window``; and
            ``class_weights``, or ``class_weights.OUTPUT``, where trials search them.
        preparation: What is done with rows once they are scaled, by the names in ``PREPARATION``,
            where trials are asked for it; in a study the defaults.
        space: The search space that changes rows, see ``tuner.datasets.space_data``.
        hyperparameters: What it asks for when it does, by name; in a study the defaults.
        window: Rows of a table, one after another, of which the next ones are predicted: the most
            that a trial may take; None where each row is predicted by itself.
        horizon: How many rows are predicted.
        columns: Columns of a table that are features, or of a window; all but times and group
            unless some are named.
        stream: Whether training rows are read anew in every epoch: ``tuner.datasets.row_stream``.
            None until there is a study: those of a function are streamed if they come as a stream
            or do not fit into memory.
        separator: Of the values of a table in a text file; None finds it, as the next ones.
        decimal: ``.`` or ``,`` before the fraction of numbers that are text.
        encoding: Of a text file.
        na_values: Texts that mark a missing value of a table, beside those that pandas knows.
        day_first: Whether the day comes before the month in dates such as 03/04/2024.
        lenient: Whether a table is read as people write tables, see
            ``tuner.datasets.table_format``, and columns that are of no use are left out; in studies
            of before it is what ``pandas.read_csv`` makes of it.
        gap: Rows whose times are further apart, in usual distances, are never in one window.
        mask_value: Where rows have a target for each pixel or step: what stands in the targets of
            those that do not count, such as padding; None where all count.
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
    impute: bool | None = None
    group: str | None = None
    split_by_time: str | None = None
    text: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    drop_index: bool = True
    drop_frame_index: bool = True
    validation_data: str | None = None
    test_data: str | None = None
    folds: int = 1
    fold: int = 0
    max_train_rows: int | None = None
    learns: str = "targets"
    in_unit: bool = True
    exact: bool = True
    weighted_mean: bool = True
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    preparation: Mapping[str, Any] = field(default_factory=dict, hash=False)
    space: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    window: int | None = None
    horizon: int = 1
    columns: tuple[str, ...] = ()
    gap: float = GAP
    mask_value: float | None = None
    stream: bool | None = False
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na_values: tuple[str, ...] | None = None
    day_first: bool | None = None
    lenient: bool = True

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
                f"Received: {shown_task(self.task)}: leave it out."
            )
        self._check_windows()
        self._check_stream()
        both = self.group is not None and self.split_by_time is not None
        if both and self.window is None:
            raise DataError(
                "Expected --group or --split-by-time. Received: both: leave one of them out."
            )
        if self.folds < 1:
            raise DataError(f"Expected --folds 2 or more. Received: --folds {self.folds}.")
        if self.max_train_rows is not None and (self.max_train_rows < 1 or self.folds < 2):
            raise DataError(
                "Expected --max-train-rows of 1 or more beside --folds, which it shortens. "
                f"Received: {self.max_train_rows}{'' if self.folds > 1 else ' without'}."
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

    def _check_windows(self) -> None:
        """Refuses windows that cannot be, and options that mean nothing with or without them."""
        for option, rows in (("--window", self.window), ("--horizon", self.horizon)):
            if rows is not None and rows < 1:
                raise DataError(f"Expected {option} of 1 row or more. Received: {rows}.")
        if not 1 <= self.gap < math.inf:
            raise DataError(f"Expected --gap of 1 or more. Received: {self.gap:g}.")
        if self.window is None:
            refused = {
                "--horizon": self.horizon != 1,
                "--gap": self.gap != GAP,
            }
        else:
            refused = {
                "--weights": self.weights is not None,
                "--text": bool(self.text),
                "--categories": bool(self.categories),
                "--impute": self.impute is True,
                "--validation-data": self.validation_data is not None,
                "--test-data": self.test_data is not None,
                "a space that learns the rows themselves": self.learns == "rows",
            }
        for option, is_given in refused.items():
            if is_given:
                beside = "with" if self.window is None else "without"
                raise DataError(
                    f"Expected {option} {beside} --window only. Received it "
                    f"{'without' if self.window is None else 'beside it'}: "
                    f"{'add --window ROWS' if self.window is None else 'leave one of them out'}."
                )

    @property
    def stream_barrier(self) -> str | None:
        """What was asked for that rows which are never together cannot have; None for nothing."""
        asked = {
            "--folds": self.folds > 1,
            "--class-weights": self.class_weights is not None,
            "--set class_weights": any(map(is_of_class_weights, self.arguments)),
            "arguments of the data function to search": bool(self.unweighed.arguments),
            **{f"--set {name}": True for name in self.preparation},
            "a space with data()": self.space is not None,
            "a space that learns the rows themselves": self.learns == "rows",
            "--window": self.window is not None,
        }
        return next((option for option, is_given in asked.items() if is_given), None)

    def _check_stream(self) -> None:
        """Refuses what rows that are never together cannot have."""
        if not self.stream:
            return
        if self.stream_barrier is not None:
            raise DataError(
                f"Expected a stream (--stream) without {self.stream_barrier}: its training rows "
                f"are never together. Received both: leave {self.stream_barrier} out, or hold the "
                "rows with --no-stream."
            )
        if ".py:" not in self.source:
            raise DataError(
                "Expected --stream with a function, --data FILE.py:FUNCTION. Received: "
                f"{quoted(self.source)}: leave --stream out."
            )

    @property
    def table_format(self) -> TableFormat:
        """How the file of a table is written, as far as it is known."""
        if not self.lenient:
            return PLAIN
        return TableFormat(
            separator=self.separator,
            decimal=self.decimal,
            encoding=self.encoding,
            na_values=self.na_values,
            day_first=self.day_first,
        )

    def as_read(self, found: Mapping[str, Any]) -> DataSpec:
        """Returns the spec with what was found while its rows were read.

        Args:
            found: ``Arrays.found``.
        """
        return dataclasses.replace(self, **{"impute": bool(self.impute), **found})

    @property
    def is_path(self) -> bool:
        """Whether the source is the user's: names hold neither a dot nor a path separator."""
        return _is_path(self.source)

    @property
    def is_chained(self) -> bool:
        """Whether each fold validates on what comes after all that it trains on."""
        by_time = self.window is not None or self.split_by_time is not None
        return self.folds > 1 and by_time

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
        plain = re.sub(r":\d+x\d+$", "", self.source)  # without the size of images
        return Path(plain.removesuffix(".gz")).stem

    def resolve(self) -> DataSpec:
        """Returns the same spec with absolute paths, for workers started in other folders."""
        return dataclasses.replace(
            self,
            source=self._absolute(self.source),
            validation_data=self.validation_data and self._absolute(self.validation_data),
            test_data=self.test_data and self._absolute(self.test_data),
        )

    def _absolute(self, text: str) -> str:
        is_path = self.is_path or _is_path(text)
        return os.path.abspath(os.path.expanduser(text)) if is_path else text

    def of_trial(self, hyperparameters: Mapping[str, Any]) -> DataSpec:
        """Returns the spec of a trial: its own values of what is searched, else the defaults."""
        arguments, preparation, asked = (
            {name: hyperparameters.get(name, v) for name, v in defaults.items()}
            for defaults in (self.arguments, self.preparation, self.hyperparameters)
        )
        return dataclasses.replace(
            self, arguments=arguments, preparation=preparation, hyperparameters=asked
        )

    @property
    def searched(self) -> dict[str, Any]:
        """The defaults of all that trials search."""
        return {**self.arguments, **self.hyperparameters, **self.preparation}

    @property
    def of_rows(self) -> DataSpec:
        """The spec of the rows as the source has them, without what trials search beside it."""
        return dataclasses.replace(self.unweighed, preparation={})

    @property
    def unweighed(self) -> DataSpec:
        """The spec of the rows alone, without the weights of classes that trials search."""
        of_rows = {name: v for name, v in self.arguments.items() if not is_of_class_weights(name)}
        if of_rows == self.arguments:
            return self
        return dataclasses.replace(self, arguments=of_rows)

    @property
    def searched_class_weights(self) -> str | None:
        """What trials with these arguments are asked for as ``class_weights``; None for none."""
        asked = {n: v for n, v in self.arguments.items() if is_of_class_weights(n)}
        given = {name: v for name, v in asked.items() if v != UNWEIGHED}
        pieces = [
            str(value) if name == CLASS_WEIGHTS else f"{name.removeprefix(OF_OUTPUT)}={value}"
            for name, value in given.items()
        ]
        return ",".join(pieces) or None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values that JSON can hold."""
        lists = {name: list(getattr(self, name)) for name in LISTS}
        marks = None if self.na_values is None else list(self.na_values)
        return {**dataclasses.asdict(self), **lists, "na_values": marks}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataSpec:
        """Returns the spec that ``to_dict`` wrote.

        Raises:
            DataError: A field is unknown here, as when another version wrote it.
        """
        fields = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - fields)
        if unknown:
            raise DataError(
                f"Expected the fields {', '.join(sorted(fields))} in a data spec. "
                f"Received: {', '.join(unknown)}: use the version of tuner that wrote it."
            )
        lists: dict[str, Any] = {name: tuple(values.get(name, ())) for name in LISTS}
        if values.get("na_values") is not None:
            lists["na_values"] = tuple(values["na_values"])
        # Of a study that an older version made, which goes on as it began.
        return cls(**{**dict.fromkeys(NEW, False), **values, **lists})


def is_of_class_weights(name: str) -> bool:
    """Whether an argument is of the weights of classes, not of the rows themselves."""
    return name == CLASS_WEIGHTS or name.startswith(OF_OUTPUT)


def by_output(task: str) -> dict[str, str]:
    """Returns the tasks in ``NAME=TASK`` with commas between; one without a name is of ``""``."""
    pieces = [piece.strip().rpartition("=") for piece in task.split(",")]
    return {name: task_of_output for name, _, task_of_output in pieces}


def _is_path(text: str) -> bool:
    return "." in text or "/" in text or os.sep in text


def _check_choice(field: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DataError(
            f"Expected {field} to be one of {', '.join(choices)}. Received: {quoted(value)}."
            f"{did_you_mean(value, choices)}"
        )


def _check_fraction(field: str, value: float) -> None:
    if not 0 < value < 1:
        raise DataError(
            f"Expected {field} to be a fraction of the rows between 0 and 1. Received: {value}."
        )
