"""What defines a study: written once at launch, read by every worker."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from tuner.datasets.data_spec import NO_DATA, DataSpec
from tuner.datasets.target_units import LossUnit
from tuner.studies.objective import Objective

# What may be typed, and the policy of Keras that it means.
PRECISIONS = {
    "float32": "float32",
    "mixed_float16": "mixed_float16",
    "mixed_bfloat16": "mixed_bfloat16",
    "bfloat16": "mixed_bfloat16",
}


@dataclass(frozen=True, kw_only=True)
class StudySpec:
    """A study's definition. Budget and state are not part of it: they change.

    Attributes:
        space: A family, ``package.module:Class`` or ``/absolute/path.py:name``.
        own_training: Whether it is code that trains by itself, such as an objective function. Then
            the data may be ``NO_DATA``, and what says how models are trained has no meaning.
        arguments: Of a class or function that makes such a function, each ``name=value``.
        overrides: Parameters narrowed on the command line, each ``name=values``.
        space_fingerprint: Of the space with its overrides and source: a worker whose own copy
            differs refuses to work.
        data: Where the data come from and how they are split.
        data_fingerprint: Of the data themselves and their split.
        objective: What trials are compared by, among the logs of an epoch.
        maximize: Whether a higher objective is better.
        further: Further objectives; pruning, early stopping and the best epoch go by the first.
        loss_unit: What the loss of a regression is told in: ``targets``, their own unit;
            ``scaled`` where several targets or outputs have none together, so that it is of scaled
            targets; None for other tasks, and in studies of earlier versions.
        metrics: Measured beside the loss, by their Keras names; those of objectives are among them.
        callbacks: Of the user's own, each ``path/file.py:NAME``.
        code_fingerprint: Of the files that metrics, callbacks and a data function whose arguments
            are searched come from; None without any.
        packages: Those that sampler, optimizers, metrics or source are from, where not from here,
            with their versions.
        repeats: Trainings of each trial with seeds of their own, on each fold of the data.
        sampler: How hyperparameters are chosen.
        points: How many different trials the sampler has to offer; None where there is no end.
        tiny_points: How many points the space has, where `auto` tries all of them in turn.
        past: Names of the past studies that it began with.
        pruner: When a trial is hopeless: see ``tuner.search.pruners.from_dict``.
        seed: Every random choice of the study follows from it.
        precision: Keras's policy that models are built under.
        epoch_patience: Epochs without a better objective before a trial stops early.
        stop_when_flat: Whether the study ends when it will hardly get better.
        trial_timeout: Seconds of training a trial may take.
        checkpoint_interval: Seconds between two checkpoints of a trial, at least.
        stall_timeout: Seconds without a sign of progress after which a worker counts as hung.
        max_parameters: A model with more is refused before it trains.
        max_memory: Bytes; a model that needs more by estimate is refused before it trains.
        constraints: What each trial must satisfy, see ``tuner.studies.constraints``.
        synchronous_reports: Whether an epoch waits until its report is answered.
        keep: How many of the best models are kept.
        artifacts: Folder or fsspec URL of models and checkpoints.
    """

    space: str
    own_training: bool = False
    arguments: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    space_fingerprint: str
    data: DataSpec
    data_fingerprint: str
    objective: str = "val_loss"
    maximize: bool = False
    further: tuple[Objective, ...] = ()
    loss_unit: LossUnit = None
    metrics: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    code_fingerprint: str | None = None
    packages: tuple[str, ...] = ()
    repeats: int = 1
    sampler: str = "tpe"
    points: int | None = None
    tiny_points: int | None = None
    past: tuple[str, ...] = ()
    pruner: dict[str, Any]
    seed: int = 0
    precision: str = "float32"
    epoch_patience: int | None = None
    stop_when_flat: bool = False
    trial_timeout: float | None = None
    checkpoint_interval: float = 5.0
    stall_timeout: float = 600.0
    max_parameters: int | None = None
    max_memory: int | None = None
    constraints: tuple[str, ...] = ()
    synchronous_reports: bool = False
    keep: int = 3
    artifacts: str

    @property
    def main_objective(self) -> Objective:
        """What trials are compared by; the first objective."""
        return Objective(name=self.objective, maximize=self.maximize, loss_unit=self.loss_unit)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All objectives."""
        further = (
            dataclasses.replace(objective, loss_unit=self.loss_unit) for objective in self.further
        )
        return (self.main_objective, *further)

    @property
    def has_data(self) -> bool:
        """Whether the study was launched with data."""
        return self.data.source != NO_DATA

    @property
    def rounds(self) -> int:
        """Trainings that a trial consists of."""
        return self.data.folds * self.repeats

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-able values."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            **values,
            "arguments": list(self.arguments),
            "overrides": list(self.overrides),
            "further": {objective.name: objective.mode for objective in self.further},
            "metrics": list(self.metrics),
            "callbacks": list(self.callbacks),
            "packages": list(self.packages),
            "past": list(self.past),
            "constraints": list(self.constraints),
            "data": self.data.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StudySpec:
        """The opposite of ``to_dict``."""
        return cls(
            **{
                **values,
                "arguments": tuple(values.get("arguments", ())),
                "overrides": tuple(values["overrides"]),
                "further": tuple(
                    Objective(name=name, maximize=way == "max")
                    for name, way in values.get("further", {}).items()
                ),
                "metrics": tuple(values["metrics"]),
                "callbacks": tuple(values.get("callbacks", ())),
                "packages": tuple(values.get("packages", ())),
                "past": tuple(values.get("past", ())),
                "constraints": tuple(values.get("constraints", ())),
                "data": DataSpec.from_dict(values["data"]),
            }
        )

    def differences(self, other: StudySpec) -> list[str]:
        """What differs between two definitions, one short line each."""
        mine, theirs = _flat(self.to_dict()), _flat(other.to_dict())
        return [
            f"{name}: {_shown(mine.get(name))} instead of {_shown(theirs.get(name))}"
            for name in mine | theirs
            if mine.get(name) != theirs.get(name)
        ]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else text[:12] + "..."
