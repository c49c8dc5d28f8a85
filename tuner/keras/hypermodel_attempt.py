"""One attempt at a trial of a ``HyperModel`` of KerasTuner that has a ``fit`` of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from search_spaces.compiled_models import compile_arguments
from search_spaces.keras_tuner.hypermodel_with_fit import HyperModelWithFit
from storage.outcomes import Failure, Outcome
from tuner.datasets import Data, Part
from tuner.errors import one_line
from tuner.keras.best_model import BestModel
from tuner.keras.fit_results import epoch_value, objective_values
from tuner.keras.trial_callback import TrialCallback
from tuner.objective_functions.current_trial import CurrentTrial
from tuner.objective_functions.interruptions import Reason, TrialInterrupted
from tuner.objective_functions.objective_attempt import ObjectiveAttempt


class HyperModelAttempt(ObjectiveAttempt):
    """Builds a model, lets the user's ``fit`` train it, and keeps it as it was at its best epoch.

    What ``KerasTuner.Tuner.run_trial`` does, with one execution.
    """

    _unsaved: Failure | None = None

    def _call(self, trial: CurrentTrial) -> Any:
        space, data = self._space, self._context.data
        objectives = self._context.spec.objectives
        keras.utils.clear_session()
        # First the best model, then what may stop the trial: a loop calls them in this order.
        best = BestModel(objectives[0])
        callbacks = [best, _HyperModelCallback(trial, objectives[0].name)]
        hp, model = space.build_model(trial)
        rows, named = ((), {}) if data is None else _arguments(data, model)
        try:
            results = space.fit(hp, model, rows, named, callbacks)
        except TrialInterrupted as e:
            if e.reason is Reason.TIMEOUT:  # the trial is complete with what it has reported
                self._log(trial, best.restored(model))
            raise
        self._context.note_suggested(trial.params)
        self._log(trial, best.restored(model))
        return results

    def _log(self, trial: CurrentTrial, model: keras.Model) -> None:
        try:
            trial.log_model(model)
        except Exception as e:  # such as a layer that cannot be saved: the trial has its value
            message = f"the model was not saved: {one_line(e)}"
            self._unsaved = Failure(kind="unsaved", message=message)

    def _completed(self, answer: Any) -> Outcome:
        try:
            answer = objective_values(answer, self._context.spec.objectives, self._space.name)
        except ValueError as e:
            failure = Failure(kind="error", message=str(e))
            return self._with_seconds(Outcome(state="failed", failure=failure))
        outcome = super()._completed(answer)
        return dataclasses.replace(outcome, failure=outcome.failure or self._unsaved)

    @property
    def _space(self) -> HyperModelWithFit:
        assert isinstance(self._context.space, HyperModelWithFit)
        return self._context.space


class _HyperModelCallback(TrialCallback):
    """Reports epochs that have the study's objective; ``fit`` may return it at its end alone."""

    def _monitored(self, logs: Mapping[str, Any]) -> float | None:
        return epoch_value(self._monitor, logs)


def _arguments(data: Data, model: keras.Model) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What ``fit`` is given of the data: by place, and by name."""
    train, validation = (_targets(part, model, data) for part in (data.train, data.validation))
    weights = {} if data.train.weights is None else {"sample_weight": data.train.weights}
    return (data.train.x, train), {
        "validation_data": (
            data.validation.x,
            validation,
            *([] if data.validation.weights is None else [data.validation.weights]),
        ),
        **weights,
    }


def _targets(part: Part, model: keras.Model, data: Data) -> Any:
    """Positions of classes; rows of zeros and a one where the model's loss takes these."""
    loss = compile_arguments(model)["loss"] if model.compiled else None
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    takes_rows = str(name).startswith(("categorical_", "CategoricalCrossentropy"))
    if data.outputs.task != "classes" or not takes_rows:
        return part.y
    classes = part.y[..., 0] if data.outputs.axes else part.y
    return np.eye(data.outputs.units, dtype=np.float32)[classes]
