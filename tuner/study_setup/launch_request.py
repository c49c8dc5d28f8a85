"""What a user asks for when a study is launched."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from search_spaces.parameters import overrides
from search_spaces.user_code import source_files
from tuner.datasets import NO_DATA, DataSpec
from tuner.errors import UserError, quoted
from tuner.studies.objective import Objective
from tuner.study_setup.validation_plan import ValidationPlan

TRIALS = 20  # unless the user says otherwise
LONGEST_NAME = 100  # characters


@dataclass(frozen=True, kw_only=True)
class LaunchRequest:
    """What a user asks for.

    What is None takes the value of the study where there is one already, else the default.
    The attributes are those of ``StudySpec`` and ``Limits``, and:

    Attributes:
        name: Of the study; None puts it together from the space and the data.
        trials: The budget.
        lease: Seconds for which a worker may be silent.
        rest: How many trials may rest, with a pruner that lets them.
        like: Past studies, see ``past_sources.read``; ``none``, or ``auto`` for similar ones of the
            store.
    """

    space: str
    own_training: bool = False
    arguments: tuple[str, ...] = ()
    data: DataSpec
    overrides: tuple[str, ...] = ()
    name: str | None = None
    objective: Objective = field(default_factory=Objective)
    further: tuple[Objective, ...] = ()
    metrics: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    repeats: int = 1
    sampler: str = "auto"
    pruner: str = "median"
    rest: int | None = None
    seed: int = 0
    precision: str = "float32"
    trials: int | None = None
    target: float | None = None
    patience: int | None = None
    timeout: float | None = None
    lease: float | None = None
    epoch_patience: int | None = None
    stop_when_flat: bool = False
    trial_timeout: float | None = None
    stall_timeout: float = 600.0
    max_parameters: int | None = None
    max_memory: int | None = None
    constraints: tuple[str, ...] = ()
    synchronous_reports: bool = False
    keep: int = 3
    artifacts: str | None = None
    like: tuple[str, ...] = ()

    @property
    def plan(self) -> ValidationPlan:
        """What has to be tried before there is a study."""
        return ValidationPlan(
            space=source_files.absolute_name(self.space),
            own_training=self.own_training,
            arguments=self.arguments,
            overrides=tuple(map(overrides.absolute, self.overrides)),
            data=self.data.resolve(),
            metrics=tuple(map(source_files.absolute_name, self.measured)),
            callbacks=tuple(map(source_files.absolute_name, self.callbacks)),
            sampler=self.sampler,
            constraints=self.constraints,
            precision=self.precision,
            study=self.study,
        )

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics, with those of the objectives."""
        if self.own_training:
            return ()
        asked = (objective.metric for objective in (self.objective, *self.further))
        named = [source_files.short_name(name) for name in self.metrics]
        lacking = (name for name in asked if name is not None and name not in named)
        return (*lacking, *self.metrics)

    @property
    def study(self) -> str:
        """The name of the study.

        Raises:
            UserError: It would be hard to type or to show.
        """
        if self.name is None:
            if self.data.source == NO_DATA:
                return _typeable(_short(self.space))
            data = _short(self.data.source) if self.data.is_path else self.data.source
            return _typeable(f"{_short(self.space)}-{data}")
        if not self.name.isprintable() or self.name[:1] in ("", "-", " "):
            raise UserError(
                f"Expected a study name that can be typed. Received: {quoted(self.name)}: begin it "
                "with a letter or a number."
            )
        if len(self.name) > LONGEST_NAME:
            raise UserError(
                f"Expected a study name of at most {LONGEST_NAME} characters. "
                f"Received: {len(self.name)}: shorten it."
            )
        return self.name


def _short(name: str) -> str:
    """``net`` of ``path/net.py:build`` and ``net/:64x64``, ``Net`` of ``package.module:Net``."""
    place, _, attribute = name.rpartition(":")
    if place and not place.endswith(".py") and not re.fullmatch(r"\d+x\d+", attribute):
        return attribute
    return Path((place or name).removesuffix(".gz")).stem


def _typeable(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-")[:LONGEST_NAME]
