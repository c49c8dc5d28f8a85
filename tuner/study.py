"""What defines a study: written once at launch, read by every worker."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from storage.pruning import PruningRule
from tuner.datasets.spec import DataSpec
from tuner.goal import Goal

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
        overrides: Parameters narrowed on the command line, each ``name=values``.
        space_fingerprint: Of the space with its overrides and source: a worker whose own copy
            differs refuses to work.
        data: Where the data come from and how they are split.
        data_fingerprint: Of the data themselves and their split.
        objective: What trials are compared by, among the logs of an epoch.
        maximize: Whether a higher objective is better.
        further: Further objectives; pruning, early stopping and the best epoch go by the first.
        metrics: Measured beside the loss, by their Keras names; those of objectives are among them.
        callbacks: Of the user's own, each ``path/file.py:NAME``.
        code_fingerprint: Of the files that metrics and callbacks come from; None without any.
        repeats: Trainings of each trial with seeds of their own, on each fold of the data.
        sampler: How hyperparameters are chosen.
        points: How many different trials the sampler has to offer; None where there is no end.
        pruner: When a trial is hopeless.
        seed: Every random choice of the study follows from it.
        precision: Keras's policy that models are built under.
        epoch_patience: Epochs without a better objective before a trial stops early.
        trial_timeout: Seconds of training a trial may take.
        checkpoint_interval: Seconds between two checkpoints of a trial, at least.
        stall_timeout: Seconds without a sign of progress after which a worker counts as hung.
        max_parameters: A model with more is refused before it trains.
        max_memory: Bytes; a model that needs more by estimate is refused before it trains.
        synchronous_reports: Whether an epoch waits until its report is answered.
        keep: How many of the best models are kept.
        artifacts: Folder or fsspec URL of models and checkpoints.
    """

    space: str
    overrides: tuple[str, ...] = ()
    space_fingerprint: str
    data: DataSpec
    data_fingerprint: str
    objective: str = "val_loss"
    maximize: bool = False
    further: tuple[Goal, ...] = ()
    metrics: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    code_fingerprint: str | None = None
    repeats: int = 1
    sampler: str = "tpe"
    points: int | None = None
    pruner: PruningRule
    seed: int = 0
    precision: str = "float32"
    epoch_patience: int | None = None
    trial_timeout: float | None = None
    checkpoint_interval: float = 5.0
    stall_timeout: float = 600.0
    max_parameters: int | None = None
    max_memory: int | None = None
    synchronous_reports: bool = False
    keep: int = 3
    artifacts: str

    @property
    def goal(self) -> Goal:
        """What trials are compared by; the first objective."""
        return Goal(name=self.objective, maximize=self.maximize)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """All objectives."""
        return (self.goal, *self.further)

    @property
    def rounds(self) -> int:
        """Trainings that a trial consists of."""
        return self.data.folds * self.repeats

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-able values."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            **values,
            "overrides": list(self.overrides),
            "further": {goal.name: goal.mode for goal in self.further},
            "metrics": list(self.metrics),
            "callbacks": list(self.callbacks),
            "data": self.data.to_dict(),
            "pruner": self.pruner.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StudySpec:
        """The opposite of ``to_dict``."""
        return cls(
            **{
                **values,
                "overrides": tuple(values["overrides"]),
                "further": tuple(
                    Goal.of(name, way) for name, way in values.get("further", {}).items()
                ),
                "metrics": tuple(values["metrics"]),
                "callbacks": tuple(values.get("callbacks", ())),
                "data": DataSpec.from_dict(values["data"]),
                "pruner": PruningRule.from_dict(values["pruner"]),
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
