"""Compiles a model anew for each phase of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tuner.datasets.prepared_data import Data
from tuner.training.compilation import arguments_of, compile_model
from tuner.training.epoch_implementations import Epochs, fastest_epochs
from tuner.training.own_compilation import Compilation


class PhaseCompiler:
    """Compiles a model as each of its phases wants it; of one without phases, once."""

    def __init__(
        self,
        model: keras.Model,
        hyperparameters: Mapping[str, Any],
        data: Data,
        metrics: Sequence[str],
        own_callbacks: Sequence[str],
    ) -> None:
        self._model, self._hyperparameters, self._data = model, hyperparameters, data
        self._metrics, self._own_callbacks = metrics, own_callbacks
        self._came_with = arguments_of(model, hyperparameters)

    def compile(self, phase: int) -> tuple[Compilation, str | None]:
        """What is measured, and why Keras's own steps have to train; None if they do not."""
        compiled = compile_model(
            self._model,
            self._hyperparameters,
            self._data.outputs,
            metrics=self._metrics,
            phase=phase,
            came_with=self._came_with,
        )
        own = "callbacks of the user's own" if self._own_callbacks else None
        return compiled, own or compiled.why_keras

    def epochs(self, phase: int) -> Epochs:
        """What trains the model in a phase, with a new optimizer."""
        compiled, why_keras = self.compile(phase)
        return fastest_epochs(self._model, self._data, compiled.metrics, why_keras=why_keras)
