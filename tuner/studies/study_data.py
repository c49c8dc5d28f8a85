"""The data of each trial: how they are made and prepared may follow from its hyperparameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from search_spaces.parameters.choices import Choice
from search_spaces.parameters.feature_choice import ALL, FEATURES, FeatureChoice
from search_spaces.parameters.literals import Value, format_value
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Range
from search_spaces.user_code.source_files import brief
from tuner import datasets
from tuner.datasets import Data, DataSpec, resampling, sample_weights
from tuner.datasets.data_spec import RESAMPLING, UNCHANGED
from tuner.datasets.sources.user_function import shown_call
from tuner.errors import UserError, shorten

MOST_VALUES = 10  # of a list that are tried before there is a study


class StudyData:
    """The data of a study's trials, one set for each combination of what they search of them.

    The last combination is kept; others are prepared once on each machine. Weights of classes that
    trials search are laid over the same rows.

    Args:
        spec: The study's, with the defaults of the arguments.
        default: What that brings; the first fold.

    Attributes:
        default: The same.
    """

    def __init__(self, spec: DataSpec, default: Data) -> None:
        self._asked, self._spec, self.default = spec, spec.unweighed, default
        self._kept, self._folds = self._spec, {0: default}
        self._weighed: dict[int, tuple[Data, str, Data]] = {}

    def of(self, hyperparameters: Mapping[str, Any], *, fold: int = 0) -> Data:
        """Returns the data of a trial.

        Args:
            hyperparameters: Of the trial; arguments that are not among them have their defaults.
            fold: Which part of the rows validates, from 0.

        Raises:
            UserError: The function raises, or what it returns cannot be used or compared.
        """
        asked = self._asked.of_trial(hyperparameters)
        data = self._of_rows(asked.unweighed, fold)
        weights = asked.searched_class_weights
        if weights is None:
            return data
        if self._weighed.get(fold, (None, None))[:2] != (data, weights):
            weighed = sample_weights.weigh(data, weights, self._spec)
            self._weighed[fold] = data, weights, weighed
        return self._weighed[fold][2]

    @property
    def unprepared(self) -> Data:
        """The data of the defaults with all their columns and rows."""
        left_alone = {FEATURES: ALL, RESAMPLING: UNCHANGED}
        preparation = {name: left_alone[name] for name in self._spec.preparation}
        return self._of_rows(dataclasses.replace(self._spec, preparation=preparation), 0)

    def _of_rows(self, spec: DataSpec, fold: int) -> Data:
        if spec == self._spec and fold == 0:
            return self.default
        if spec != self._kept:
            self._kept, self._folds = spec, {}
            self._weighed.clear()
        if fold not in self._folds:
            self._folds[fold] = self._load(dataclasses.replace(spec, fold=fold))
        return self._folds[fold]

    def of_model(self, hyperparameters: Mapping[str, Any]) -> Data:
        """Returns the data that a trial's model was trained on: of several folds the last one.

        Its validation rows are those that the model has not learned from.
        """
        return self.of(hyperparameters, fold=self._asked.folds - 1)

    def with_validation_rows(self, hyperparameters: Mapping[str, Any]) -> Data:
        """Returns what ``of_model`` does, with the validation rows behind the training rows too.

        Scalings and features stay those of the training rows; classes are resampled together.
        """
        asked = self._asked.of_trial(hyperparameters)
        if asked.preparation.get(RESAMPLING, UNCHANGED) == UNCHANGED:
            data = self.of_model(hyperparameters)
            return dataclasses.replace(data, train=sample_weights.join(data, self._spec))
        drawn = {**asked.preparation, RESAMPLING: UNCHANGED}
        undrawn = dataclasses.replace(asked.unweighed, preparation=drawn)
        data = self._of_rows(undrawn, asked.folds - 1)
        data = dataclasses.replace(data, train=sample_weights.join(data, undrawn))
        data = resampling.resample(data, asked)
        weights = asked.searched_class_weights
        return data if weights is None else sample_weights.weigh(data, weights, asked)

    def _load(self, spec: DataSpec) -> Data:
        if spec.searched == self._spec.searched:
            return datasets.load_shared(spec)
        data = datasets.load_shared(spec, reference=self.default.fingerprint)
        if spec.fold == 0:
            _check_comparable(self.default, data, spec)
        return data


def at_the_ends(spec: DataSpec, parameters: Mapping[str, Parameter]) -> Iterator[dict[str, Value]]:
    """Yields combinations that are tried first: each argument at the ends of its range.

    Of a list all values, if it is not long; other arguments have their defaults. Features are
    also tried at the ends of each argument, which may be how many columns there are.
    """
    for name, default in spec.searched.items():
        for value in ends(parameters[name]):
            if format_value(value) != format_value(default):
                yield {name: value}
                if name in spec.of_rows.searched and FEATURES in spec.preparation:
                    yield from ({name: value, FEATURES: f} for f in ends(parameters[FEATURES]))


def ends(parameter: Parameter) -> tuple[Value, ...]:
    """Returns what is tried of a range before there is a study: its ends, or a short list."""
    if isinstance(parameter, Range):
        return parameter.low, parameter.high
    if isinstance(parameter, FeatureChoice):
        return parameter.extremes
    if isinstance(parameter, Choice) and len(parameter.values) > MOST_VALUES:
        return parameter.values[0], parameter.values[-1]
    return tuple(parameter.options or ())


def _check_comparable(default: Data, data: Data, spec: DataSpec) -> None:
    """Refuses data of a combination whose losses say nothing beside those of the others.

    Held fixed are the targets of the validation and the test part, row by row, and what makes up
    the unit of the loss. Features and training rows may be others.
    """
    rows = tuple((len(one.train), len(one.validation), len(one.test)) for one in (default, data))
    if data.targets_fingerprint != default.targets_fingerprint:
        received = f"parts of {rows[1]} rows instead of {rows[0]}"
        if rows[0] == rows[1]:
            received = "other targets or another order"
        raise UserError(
            f"Expected {_shown(spec)} to validate and test on the same rows as the defaults, "
            f"or losses do not compare. Received: {received}: return as many rows whatever the "
            "arguments are, or all parts (x_train, x_val, x_test, ...)."
        )
    if _units(data) != _units(default):
        raise UserError(
            f"Expected {_shown(spec)} to predict what the defaults predict, in the same unit. "
            "Received another task, other classes or another scale of several targets."
        )


def _shown(spec: DataSpec) -> str:
    if spec.space is None:
        return shown_call(spec)
    values = ", ".join(f"{name}={v!r}" for name, v in spec.of_rows.searched.items())
    return shorten(f"data() of {brief(spec.space)} with {values}", 80)


def _units(data: Data) -> tuple[object, ...]:
    unit = data.outputs.unit if data.loss_unit == "scaled" else None
    return data.outputs.task, data.outputs.shape, data.classes, data.targets, unit
