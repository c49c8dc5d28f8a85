"""What is validated before a study is made, and what came of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from search_spaces import catalog
from search_spaces.past_points import PastPoints
from tuner import datasets
from tuner.datasets import DataSpec
from tuner.datasets.target_units import LossUnit


@dataclass(frozen=True, kw_only=True)
class ValidationPlan:
    """What is to be tried: the parts of a study that may not fit together.

    Attributes:
        space: A name that can be loaded from any folder.
        own_training: Whether it seems to be an objective function, which trains by itself.
        arguments: Of a class or function that makes one.
        overrides: Parameters narrowed on the command line, each ``name=values``.
        metrics: Measured beside the loss, by their Keras names or ``path/file.py:NAME``.
        callbacks: Of the user's own, each ``path/file.py:NAME``.
        constraints: What each trial must satisfy.
        sampler: How hyperparameters are chosen.
        precision: Keras's policy that models are built under.
        study: Name of the study.
        past: Hyperparameters of past trials.
        past_named: Whether the user named them, and must hear that they are of no use.
    """

    space: str
    own_training: bool = False
    arguments: tuple[str, ...] = ()
    overrides: tuple[str, ...]
    data: DataSpec
    metrics: tuple[str, ...]
    callbacks: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    sampler: str = "tpe"
    precision: str = "float32"
    study: str = ""
    past: tuple[dict[str, Any], ...] = ()
    past_named: bool = True

    @property
    def needs_keras(self) -> bool:
        """Whether code must run that we did not write, or Keras be asked."""
        return (
            is_tried(self.space)
            or bool(self.metrics or self.callbacks)
            or any(".py:" in override for override in self.overrides)
            or datasets.needs_keras(self.data.source)
        )

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON-able values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ValidationPlan:
        """The opposite of ``to_dict``."""
        return cls(
            space=values["space"],
            own_training=values["own_training"],
            arguments=tuple(values["arguments"]),
            overrides=tuple(values["overrides"]),
            data=DataSpec.from_dict(values["data"]),
            metrics=tuple(values["metrics"]),
            callbacks=tuple(values["callbacks"]),
            constraints=tuple(values["constraints"]),
            sampler=values["sampler"],
            precision=values["precision"],
            study=values["study"],
            past=tuple(values["past"]),
            past_named=values["past_named"],
        )


@dataclass(frozen=True, kw_only=True)
class ValidationResult:
    """What goes into the study's definition, see ``StudySpec``.

    Attributes:
        data: Where the data come from, with what the space learns from them.
        points: All that the sampler has to offer; None where there is no end.
        tiny_points: See ``StudySpec``.
        code_fingerprint: Of the files of metrics and callbacks; None where there are none.
        shared_metric: What all trials can be compared by where their losses differ; None where
            they do not.
        loss_unit: See ``StudySpec``.
        outline: What the data were taken for, see ``tuner.datasets.outline_data``.
        notes: What a user should know of how they were read, one line each.
        past: Past trials as points of the space; None where there are none.
    """

    space_fingerprint: str
    data: DataSpec
    data_fingerprint: str
    points: int | None = None
    tiny_points: int | None = None
    code_fingerprint: str | None = None
    shared_metric: str | None = None
    loss_unit: LossUnit = None
    outline: str = ""
    notes: tuple[str, ...] = ()
    past: PastPoints | None = None


def is_foreign(space: str) -> bool:
    """Whether a space is code that we did not write."""
    return ":" in space or catalog.FAMILIES.package_of(space) is not None


def is_tried(space: str) -> bool:
    """Whether a model of a space is built before there is a study."""
    if is_foreign(space):
        return True
    return space in catalog.FAMILIES and catalog.FAMILIES[space].tried_at_launch
