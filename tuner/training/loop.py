"""Training of a model, epoch by epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from search_spaces.phases import epochs_of, number_at, phases_of, start_of
from search_spaces.user_code.isolation import isolated, trusted
from tuner.datasets.prepared_data import Data, Part
from tuner.studies.objective import Objective
from tuner.training import callbacks
from tuner.training.best_weights import BestEpoch
from tuner.training.callback_trial import pack, trial_of
from tuner.training.directive import Directive, Observer
from tuner.training.epoch_implementations import Epochs, choose_epochs
from tuner.training.graph_cleanup import release_graphs
from tuner.training.keras_epochs import GraphEpochs, Logs, StockEpochs
from tuner.training.learning_rate_schedules import Schedule, has_own_schedule
from tuner.training.out_of_memory import raise_out_of_memory
from tuner.training.phase_compiler import PhaseCompiler
from tuner.training.seeding import batch_order, stream_seed
from tuner.training.training_state import TrainingState
from tuner.training.unscaled_targets import goal_factor, loss_factor

LOSS = Objective()
LOSSES = ("loss", LOSS.name)  # among the logs of an epoch

Status = Literal["finished", "pruned", "resting", "interrupted", "ended", "diverged"]
STATUS: dict[Directive, Status] = {  # of trainings that were stopped
    Directive.PRUNE: "pruned",
    Directive.REST: "resting",
    Directive.END: "ended",
    Directive.INTERRUPT: "interrupted",
}


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """The result of a training.

    Attributes:
        status: ``"finished"`` (all epochs, or stopped early), ``"pruned"``, ``"resting"`` (to be
            resumed if it deserves it), ``"interrupted"`` (to be resumed), ``"ended"``,
            ``"diverged"`` (NaN or infinite).
        epochs: Number of finished epochs, over all attempts.
        best_epoch: The epoch of the best objective, from 1; the model holds its weights.
        best_value: That objective.
        metrics: Of that epoch, by name.
        path: Which implementation trained it, and why.
        seconds: Wall-clock time of this attempt.
        score: Measures the model on other rows; only valid until another training begins.
    """

    status: Status
    epochs: int
    best_epoch: int | None
    best_value: float | None
    metrics: dict[str, float]
    path: str
    seconds: float
    score: Callable[[Part], Logs]


def train(
    model: keras.Model,
    hyperparameters: Mapping[str, Any],
    data: Data,
    *,
    seed: int,
    observer: Observer,
    metrics: Sequence[str] = (),
    objective: Objective = LOSS,
    epoch_patience: int | None = None,
    own_callbacks: Sequence[str] = (),
    study: str = "",
    number: int = 0,
    resume: TrainingState | None = None,
    keep_last: bool = False,
) -> TrainingResult:
    """Trains a model; afterwards it holds the weights of its best epoch, or of its last one.

    Args:
        model: As ``build`` returned it; compiled here.
        hyperparameters: ``optimizer`` with its options, ``learning_rate``, ``schedule``,
            ``batch_size``, ``epochs``.
        data: Prepared; ``train`` and ``validation`` are used.
        seed: Of the order of the batches.
        observer: Called after each epoch and between graph calls; says when to stop.
        metrics: Names of Keras metrics beside the loss.
        objective: What epochs are compared by: the loss or one of the metrics.
        epoch_patience: Epochs without a better one before training stops early; None for never.
        own_callbacks: The user's Keras callbacks, each ``path/file.py:NAME``. With any, Keras's
            own steps train the model.
        study: Name of the study, and ``number`` of the trial, which those may ask for.
        resume: State of an earlier attempt.
        keep_last: Keep the last epoch's weights, for trainings without validation rows.

    Returns:
        The status, the best epoch and its metrics.

    Raises:
        OutOfMemory: Memory ran out.
        UserCodeError: The user's layers, losses, metrics or callbacks raised anything else.
        Exception: Whatever the observer raises.
    """
    began = time.monotonic()
    release_graphs()
    with raise_out_of_memory(), isolated("training"), ExitStack() as stack:
        compiler = PhaseCompiler(model, hyperparameters, data, metrics, own_callbacks)
        # A state at the border of two phases is of the one before: its optimizer is in it.
        phase = number_at(phases_of(model), 0 if resume is None else max(0, resume.epoch - 1))
        compiled, why_keras = compiler.compile(phase)
        chosen, hyperparameters = hyperparameters, {**hyperparameters, "loss": compiled.loss}
        epochs, resume = choose_epochs(model, data, compiled.metrics, resume, why_keras=why_keras)
        if resume is None and phase > 0:
            phase, epochs = 0, compiler.epochs(0)
        own: list[keras.callbacks.Callback] = []
        if own_callbacks:
            trial = stack.enter_context(
                trial_of(resume, number=number, study=study, hyperparameters=chosen, seed=seed)
            )
            own = callbacks.make_own(own_callbacks, trial)
        training_callbacks = callbacks.make(
            hyperparameters,
            epoch_patience=epoch_patience,
            objective=objective,
            size=goal_factor(objective, hyperparameters, data.outputs),
            patient_until=start_of(phases_of(model), len(phases_of(model)) - 1),
            own=own,
        )
        training = _Training(
            model,
            hyperparameters,
            data,
            seed,
            trusted(observer),
            epochs,
            objective,
            training_callbacks,
            trial.folder if own else None,
            compiler,
            phase,
        )
        status = training.run(resume)
        best = training.best
        if best.arrays:
            weights = training.epochs.model_arrays() if keep_last else best.arrays
            training.epochs.assign_model(weights)
    return TrainingResult(
        status=status,
        epochs=training.epoch,
        best_epoch=best.epoch,
        best_value=best.value,
        metrics=best.metrics,
        path=training.epochs.path,
        seconds=time.monotonic() - began,
        score=training.score,
    )


class _Training:
    """The state of one training."""

    def __init__(
        self,
        model: keras.Model,
        hyperparameters: Mapping[str, Any],
        data: Data,
        seed: int,
        observer: Observer,
        epochs: Epochs,
        objective: Objective,
        listeners: list[keras.callbacks.Callback],
        folder: Path | None,
        compiler: PhaseCompiler,
        phase: int,
    ) -> None:
        self._model, self._data, self._seed, self._observer = model, data, seed, observer
        self._hyperparameters, self._compiler, self._phase = hyperparameters, compiler, phase
        self._batch_size: int = hyperparameters["batch_size"]
        self._max_epochs = epochs_of(model, hyperparameters)
        self._schedule = self._schedule_of(phase)
        self._objective = objective
        self._loss_factor = loss_factor(hyperparameters, data.outputs)
        self._callbacks, self._folder = listeners, folder
        self._directive = Directive.CONTINUE
        self.epochs = epochs
        self.best = BestEpoch()
        self.epoch = self._first_epoch = 0

    def _schedule_of(self, number: int) -> Schedule:
        phases = phases_of(self._model)
        of_phase = {"learning_rate": phases[number].learning_rate} if phases else {}
        return Schedule.of(
            {**self._hyperparameters, **of_phase},
            steps_per_epoch=math.ceil(self._data.training_rows / self._batch_size),
            epochs=phases[number].epochs if phases else self._max_epochs,
        )

    def _enter_phase(self) -> None:
        """Begins the phase of the epoch that is next, if it is another one."""
        number = number_at(phases_of(self._model), self.epoch)
        if number == self._phase:
            return
        before, self.epochs = self.epochs, self._compiler.epochs(number)
        if isinstance(before, StockEpochs):
            self.epochs = self._stock(before.path.partition(": ")[2])
        self._schedule, self._phase = self._schedule_of(number), number
        callbacks.begin_phase(self._callbacks)

    def _stock(self, why: str) -> StockEpochs:
        return StockEpochs(self._model, self._data.train, self._data.validation, why=why)

    def run(self, resume: TrainingState | None) -> Status:
        """Trains until the last epoch, early stopping or a directive of the observer."""
        listeners = keras.callbacks.CallbackList(
            self._callbacks, model=self._model, epochs=self._max_epochs, steps=1, verbose=0
        )
        self._model.stop_training = False
        listeners.on_train_begin()
        if resume is not None:
            self._restore(resume)
        logs: Logs = {}
        while self.epoch < self._max_epochs and not self._model.stop_training:
            self._enter_phase()
            listeners.on_epoch_begin(self.epoch)
            finished = self._run_epoch()
            if finished is None:
                return STATUS[self._directive]
            logs = finished
            self.best.see(self.epoch + 1, logs, self.epochs.model_arrays, self._objective)
            listeners.on_epoch_end(self.epoch, logs)
            self.epoch += 1
            directive = self._observer.epoch_end(self.epoch, logs, self._snapshot)
            if not all(math.isfinite(logs[name]) for name in ("loss", self._objective.name)):
                return "diverged"
            if directive is not Directive.CONTINUE and self.epoch < self._max_epochs:
                return STATUS[directive]
        listeners.on_train_end(logs)
        return "finished"

    def _run_epoch(self) -> Logs | None:
        # The model's own rate, which callbacks may change; of a step it is that of the schedule.
        epoch = self.epoch - start_of(phases_of(self._model), self._phase)
        rates = self._schedule.rates(epoch, float(self._model.optimizer.learning_rate))
        if self._data.stream is not None:
            order = stream_seed(self._seed, self.epoch)
        else:
            order = batch_order(self._seed, self.epoch, len(self._data.train))
        logs = self._run_or_fall_back(order, rates)
        if logs is None:
            return None
        own = has_own_schedule(self._model)
        last_rate = self._model.optimizer.learning_rate if own else rates[-1]
        return {**self._in_target_units(logs), "learning_rate": float(last_rate)}

    def score(self, part: Part) -> Logs:
        """Loss and metrics of a part, by name, with the current weights."""
        return self._in_target_units(self.epochs.score(part))

    def _in_target_units(self, logs: Logs) -> Logs:
        """Logs with the loss in the unit of the unscaled targets."""
        losses = {name: logs[name] * self._loss_factor for name in LOSSES if name in logs}
        return {**logs, **losses}

    def _run_or_fall_back(self, order: np.ndarray, rates: np.ndarray) -> Logs | None:
        try:
            return self.epochs.run(order, rates, self._batch_size, self._should_continue)
        except (tf.errors.ResourceExhaustedError, MemoryError):
            raise
        except Exception as e:
            if self.epoch > self._first_epoch or not isinstance(self.epochs, GraphEpochs):
                raise
            # Something in the model cannot be traced in a loop. An error of the model itself is
            # raised again by stock ``fit``.
            why = " ".join(f"{type(e).__name__}: {e}".split())[:200]
            self.epochs = self._stock(why)
            return self.epochs.run(order, rates, self._batch_size, self._should_continue)

    def _should_continue(self) -> bool:
        self._directive = self._observer.poll()
        return self._directive is Directive.CONTINUE

    def _snapshot(self) -> TrainingState:
        with isolated("the model"):  # the observer asks, whose errors are not taken for the user's
            return self._state()

    def _state(self) -> TrainingState:
        groups = {
            "model": self.epochs.model_arrays(),
            "optimizer": self.epochs.optimizer_arrays(),
            "best": self.best.arrays,
            "folder": [] if self._folder is None else pack(self._folder),
        }
        arrays = {
            f"{group}/{i}": array
            for group, members in groups.items()
            for i, array in enumerate(members)
        }
        scalars = {
            "way": self.epochs.way,
            "best_value": self.best.value,
            "best_epoch": self.best.epoch,
            "best_metrics": self.best.metrics,
            "callbacks": callbacks.get_state(self._callbacks),
            "stopped": bool(self._model.stop_training),
            "learning_rate": float(self._model.optimizer.learning_rate),
        }
        return TrainingState(epoch=self.epoch, arrays=arrays, scalars=scalars)

    def _restore(self, state: TrainingState) -> None:
        self.epochs.assign_model(state.group("model"))
        self.epochs.assign_optimizer(state.group("optimizer"))
        if not has_own_schedule(self._model):
            self._model.optimizer.learning_rate = state.scalars["learning_rate"]
        self.best = BestEpoch(
            value=state.scalars["best_value"],
            epoch=state.scalars["best_epoch"],
            metrics=state.scalars["best_metrics"],
            arrays=state.group("best"),
        )
        callbacks.set_state(self._callbacks, state.scalars["callbacks"])
        self._model.stop_training = state.scalars["stopped"]
        self.epoch = self._first_epoch = state.epoch
