"""The models of one trial: built by the space, under the trial's seed and the study's precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import optuna

from search_spaces.user_code.isolation import isolated, trusted
from tuner import training
from tuner.datasets import Data
from tuner.studies.constraints import COSTS, Margins, numbers
from tuner.training import model_size
from tuner.trials.study_context import TrainingContext

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class ModelBuilder:
    """Builds the models of one trial.

    Attributes:
        context: Of the study in this worker.
        number: Of the trial.
    """

    context: TrainingContext
    number: int

    def build(self, hyperparameters: dict[str, Any], seed: int, data: Data) -> keras.Model:
        """Builds the model of hyperparameters for data."""
        with self._building(seed):
            return self.context.space.construct(
                hyperparameters, data.inputs, data.outputs, number=self.number
            )

    def sample(
        self, trial: optuna.trial.Trial, seed: int
    ) -> tuple[dict[str, Any], keras.Model | None]:
        """Suggests hyperparameters; builds the model only where they are known by its code alone.

        Else they are recorded first: building may end this process.
        """
        space = self.context.space
        if space.declared_whole:
            return space.suggest(trial), None
        of_data = space.suggest_some(trial, self.context.spec.data.searched)
        data = self.context.study_data.of(of_data)
        with self._building(seed):
            return space.sample_and_build(trusted(trial), data.inputs, data.outputs)

    def check_size(self, model: keras.Model, batch_size: int) -> None:
        """Refuses a model that is larger than the study's limits.

        Raises:
            Oversized: It is.
            UserCodeError: Its layers cannot say how large they are.
        """
        with isolated("the model", passing=(model_size.Oversized,)):
            model_size.check(
                model,
                batch_size=batch_size,
                max_parameters=self.context.spec.max_parameters,
                max_memory=self.context.spec.max_memory,
            )

    def margins(self, model: keras.Model, hyperparameters: dict[str, Any]) -> Margins:
        """By how much a trial violates the constraints of the study.

        Limits of a model's size are among them, so that samplers see how near a model is.

        Raises:
            UserCodeError: Its layers cannot say how large they are.
        """
        values: dict[str, float | None] = {**numbers(hyperparameters)}
        if any({*COSTS} & {*constraint.names} for constraint in self.context.constraints):
            with isolated("the model"):
                values |= model_size.costs(model, hyperparameters["batch_size"])
        return Margins(self.context.constraints, values)

    @contextmanager
    def _building(self, seed: int) -> Iterator[None]:
        with (
            training.seeded(seed),
            training.precision(self.context.spec.precision),
            training.raise_out_of_memory(),
            isolated(self.context.space.name),
        ):
            yield
