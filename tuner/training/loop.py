"""A trial's training, epoch by epoch."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from tuner.datasets.data import Data, Part
from tuner.goal import Goal
from tuner.training import callbacks
from tuner.training.best import BestEpoch
from tuner.training.compiling import compile_model
from tuner.training.epochs import GraphEpochs, Logs, StockEpochs
from tuner.training.exhaustion import exhaustion
from tuner.training.forgetting import forget
from tuner.training.observing import Directive, Observer
from tuner.training.program import ProgramEpochs, Unsupported
from tuner.training.schedules import Schedule
from tuner.training.seeding import batch_order
from tuner.training.state import TrainingState

Epochs = ProgramEpochs | GraphEpochs | StockEpochs

KERAS_WAYS = {GraphEpochs.way, StockEpochs.way}  # whose states are the same

LOSS = Goal()

logger = logging.getLogger(__name__)

Status = Literal["finished", "pruned", "interrupted", "ended", "diverged"]


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """How a training went.

    Attributes:
        status: ``"finished"`` (all epochs, or stopped early), ``"pruned"``, ``"interrupted"``
            (somebody will go on), ``"ended"``, ``"diverged"`` (NaN or infinite).
        epochs: Finished epochs, over all attempts.
        best_epoch: The epoch of the best objective, from 1; the model holds its weights.
        best_value: That objective.
        metrics: Of that epoch.
        path: How it was trained, and why so.
        seconds: That it took, this time.
        score: Measures the weights that were kept on other rows, until another training begins.
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
    goal: Goal = LOSS,
    epoch_patience: int | None = None,
    own_callbacks: Sequence[str] = (),
    resume: TrainingState | None = None,
    keep_last: bool = False,
) -> TrainingResult:
    """Trains a model; afterwards it holds the weights of its best epoch, or of its last one.

    Args:
        model: As ``build`` returned it; compiled here.
        hyperparameters: ``optimizer`` with its knobs, ``learning_rate``, ``schedule``,
            ``batch_size``, ``epochs``.
        seed: The order of the batches follows from it.
        observer: Is told of every epoch and says when to stop.
        metrics: Names of further Keras metrics.
        goal: What epochs are compared by; measured as the loss is, or among the metrics.
        epoch_patience: Epochs without a better one before it stops early.
        own_callbacks: Of the user's own, each ``path/file.py:NAME``: told when training and
            epochs begin and end, of a model that Keras's own steps train.
        resume: Where an earlier attempt left off.
        keep_last: Keep the last epoch's weights, as where no rows are left to choose an epoch by.

    Raises:
        OutOfMemory: Memory ran out.
        Exception: Whatever the user's layers raise.
    """
    began = time.monotonic()
    forget()
    with exhaustion():
        compile_model(model, hyperparameters, data.outputs, metrics=metrics)
        made = callbacks.make(
            hyperparameters, epoch_patience=epoch_patience, goal=goal, own_names=own_callbacks
        )
        epochs, resume = _choose(model, data, metrics, resume, watched=bool(own_callbacks))
        training = _Training(model, hyperparameters, data, seed, observer, epochs, goal, made)
        status = training.run(resume)
        best = training.best
        if best.arrays:
            kept = training.epochs.model_arrays() if keep_last else best.arrays
            training.epochs.assign_model(kept)
    return TrainingResult(
        status=status,
        epochs=training.epoch,
        best_epoch=best.epoch,
        best_value=best.value,
        metrics=best.metrics,
        path=training.epochs.path,
        seconds=time.monotonic() - began,
        score=training.epochs.score,
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
        goal: Goal,
        listeners: list[keras.callbacks.Callback],
    ) -> None:
        self._model, self._data, self._seed, self._observer = model, data, seed, observer
        self._batch_size: int = hyperparameters["batch_size"]
        self._last: int = hyperparameters["epochs"]
        self._schedule = Schedule.of(
            hyperparameters,
            steps_per_epoch=math.ceil(len(data.train) / self._batch_size),
            epochs=self._last,
        )
        self._goal = goal
        self._callbacks = listeners
        self._directive = Directive.CONTINUE
        self.epochs = epochs
        self.best = BestEpoch()
        self.epoch = self._began_at = 0

    def run(self, resume: TrainingState | None) -> Status:
        """Trains until the last epoch, or until something says stop."""
        listeners = keras.callbacks.CallbackList(
            self._callbacks, model=self._model, epochs=self._last, steps=1, verbose=0
        )
        self._model.stop_training = False
        listeners.on_train_begin()
        if resume is not None:
            self._restore(resume)
        logs: Logs = {}
        while self.epoch < self._last and not self._model.stop_training:
            listeners.on_epoch_begin(self.epoch)
            finished = self._run_epoch()
            if finished is None:
                return _status(self._directive)
            logs = finished
            self.best.see(self.epoch + 1, logs, self.epochs.model_arrays, self._goal)
            listeners.on_epoch_end(self.epoch, logs)
            self.epoch += 1
            directive = self._observer.epoch_end(self.epoch, logs, self._snapshot)
            if not all(math.isfinite(logs[name]) for name in ("loss", self._goal.name)):
                return "diverged"
            if directive is not Directive.CONTINUE and self.epoch < self._last:
                return _status(directive)
        listeners.on_train_end(logs)
        return "finished"

    def _run_epoch(self) -> Logs | None:
        current = float(self._model.optimizer.learning_rate)
        rates = self._schedule.rates(self.epoch, current)
        order = batch_order(self._seed, self.epoch, len(self._data.train))
        logs = self._try_epoch(order, rates)
        if not isinstance(self.epochs, ProgramEpochs):  # which leaves the model's own alone
            self._model.optimizer.learning_rate = current  # callbacks change it, schedules do not
        return None if logs is None else {**logs, "learning_rate": float(rates[-1])}

    def _try_epoch(self, order: np.ndarray, rates: np.ndarray) -> Logs | None:
        try:
            return self.epochs.run(order, rates, self._batch_size, self._go_on)
        except (tf.errors.ResourceExhaustedError, MemoryError):
            raise
        except Exception as e:
            if self.epoch > self._began_at or not isinstance(self.epochs, GraphEpochs):
                raise
            # Something of the model does not go into a graph: what is wrong with the model
            # itself will be raised again by Keras.
            why = " ".join(f"{type(e).__name__}: {e}".split())[:200]
            self.epochs = StockEpochs(self._model, self._data.train, self._data.validation, why=why)
            return self.epochs.run(order, rates, self._batch_size, self._go_on)

    def _go_on(self) -> bool:
        self._directive = self._observer.poll()
        return self._directive is Directive.CONTINUE

    def _snapshot(self) -> TrainingState:
        groups = {
            "model": self.epochs.model_arrays(),
            "optimizer": self.epochs.optimizer_arrays(),
            "best": self.best.arrays,
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
            "callbacks": callbacks.remember(self._callbacks),
            "stopped": bool(self._model.stop_training),
            "learning_rate": float(self._model.optimizer.learning_rate),
        }
        return TrainingState(epoch=self.epoch, arrays=arrays, scalars=scalars)

    def _restore(self, state: TrainingState) -> None:
        self.epochs.assign_model(state.group("model"))
        self.epochs.assign_optimizer(state.group("optimizer"))
        self._model.optimizer.learning_rate = state.scalars["learning_rate"]
        self.best = BestEpoch(
            value=state.scalars["best_value"],
            epoch=state.scalars["best_epoch"],
            metrics=state.scalars["best_metrics"],
            arrays=state.group("best"),
        )
        callbacks.remind(self._callbacks, state.scalars["callbacks"])
        self._model.stop_training = state.scalars["stopped"]
        self.epoch = self._began_at = state.epoch


def _choose(
    model: keras.Model,
    data: Data,
    metrics: Sequence[str],
    resume: TrainingState | None,
    *,
    watched: bool,
) -> tuple[Epochs, TrainingState | None]:
    """How a model is trained, and the state to go on from: our way and Keras's keep their own.

    Args:
        watched: Whether somebody may look at the model while it is trained.
    """
    fastest = fastest_epochs(model, data, metrics, watched=watched)
    if resume is None:
        return fastest, None
    epochs = fastest
    if resume.scalars.get("way") in KERAS_WAYS and isinstance(fastest, ProgramEpochs):
        why = "an earlier attempt was trained so"
        epochs = GraphEpochs(model, data.train, data.validation, why=why)
    if _fits(resume, epochs):
        return epochs, resume
    logger.warning("begins anew: the checkpoint was made by another version of this program")
    return fastest_epochs(model, data, metrics, watched=watched), None


def _fits(state: TrainingState, epochs: Epochs) -> bool:
    """Whether a state was made in this way, or by Keras's own steps as well, and holds as much."""
    ways = {epochs.way} if epochs.way not in KERAS_WAYS else KERAS_WAYS
    now = {"model": epochs.model_arrays(), "optimizer": epochs.optimizer_arrays()}
    return state.scalars.get("way") in ways and all(
        [array.shape for array in state.group(group)] == [array.shape for array in arrays]
        for group, arrays in now.items()
    )


def fastest_epochs(
    model: keras.Model, data: Data, metrics: Sequence[str], *, watched: bool = False
) -> Epochs:
    """The fastest way to train a model that is compiled: our own, or Keras's in a graph."""
    try:
        if watched:
            raise Unsupported("callbacks of the user's own")
        return ProgramEpochs(
            model, data.train, data.validation, outputs=data.outputs, metrics=metrics
        )
    except Unsupported as e:
        return GraphEpochs(model, data.train, data.validation, why=str(e))


def _status(directive: Directive) -> Status:
    if directive is Directive.PRUNE:
        return "pruned"
    return "ended" if directive is Directive.END else "interrupted"
