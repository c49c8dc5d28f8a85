"""One callback that makes any ``model.fit`` a trial that is reported, pruned, and resumed."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import optuna
from keras.src.trainers.epoch_iterator import EpochIterator

from tuner.errors import UserError
from tuner.keras import fit_state
from tuner.objective_functions.current_trial import PRIVATE, CurrentTrial, current_trial
from tuner.objective_functions.interruptions import TrialInterrupted
from tuner.training.training_state import TrainingState

LONG_EPOCH = 2.0  # seconds; after longer ones a checkpoint is written, and no end is waited for
LOSS = "val_loss"


class TrialCallback(keras.callbacks.Callback):
    """Reports each epoch, prunes, stops when asked, and resumes an interrupted training.

    A resumed ``fit`` skips the epochs that an earlier attempt has finished: weights, optimizer,
    random states and what the other callbacks remember are as they were. The order of the rows is
    drawn once, from the trial's seed, so that it is the same again. It may be handed to several
    ``fit`` in turn. A loop of one's own that calls ``set_model`` and ``on_epoch_end`` is reported,
    pruned and stopped; it begins anew after a kill. With a trial of plain Optuna it reports and
    prunes.

    Args:
        trial: The trial; None for ``tuner.current_trial()``.
        monitor: What is reported, by its name among the logs of an epoch. By default the loss on
            the validation data; to be named where higher is better.
        report: Whether epochs are reported, and the trial may be pruned.

    Raises:
        UserError: ``monitor`` has to be named.

    Examples:
        >>> model.fit(x, y, validation_split=0.2, epochs=20, callbacks=[TrialCallback(trial)])
    """

    def __init__(
        self,
        trial: optuna.trial.Trial | None = None,
        monitor: str | None = None,
        *,
        report: bool = True,
    ) -> None:
        super().__init__()
        self._trial = _trial_at_hand(trial)
        directions = self._trial.study.directions
        self._reports = report and len(directions) == 1
        if monitor is None and self._reports and directions[0].name == "MAXIMIZE":
            raise UserError(
                "Expected monitor=NAME of TrialCallback, such as val_accuracy, where the objective "
                f"is maximized. Received none: {LOSS} is better the lower."
            )
        self._monitor = monitor or LOSS
        self._is_ours: bool = _is_ours(self._trial)
        self._others: list[keras.callbacks.Callback] = []
        self._before: list[dict[str, Any]] | None = None  # of the others, at the first epoch
        self._state: TrainingState | None = None
        self._resumable = False  # within a ``fit`` of Keras, in a trial of ours
        self._first_step = 0
        self._looped = 0  # epochs of a loop that is not Keras's
        self._epochs = 0  # finished
        self._began = time.monotonic()
        self._seconds = 0.0  # of the last epoch
        self._file = Path()
        if self._is_ours:
            _seed_row_order(self._trial.seed)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._began = time.monotonic()
        rows = _of_frames("epoch_iterator", EpochIterator)
        self._resumable = self._is_ours and rows is not None
        if not self._resumable:
            return
        self._before, self._epochs = None, 0
        self._take_places()
        self._first_step = self._trial.next_step
        folder = self._trial.folder / PRIVATE
        folder.mkdir(exist_ok=True)
        self._file = folder / f"fit-{self._trial.count_fit()}.npz"
        if self._file.exists():
            self._state = TrainingState.load(self._file)
            self._build(rows)
            fit_state.put_back_model(self._state, self.model)
            self._epochs = self._state.epoch
            is_over = self._state.scalars["over"]
            # Where Keras's own BackupAndRestore says it too: no argument of ``fit`` can be changed.
            self.model._initial_epoch = self.params["epochs"] if is_over else self._epochs

    def _take_places(self) -> None:
        """Is called last, when other callbacks are done with an epoch; they are restored first."""
        running = _of_frames("self", keras.callbacks.CallbackList)
        if running is not None:
            self._others = [c for c in running.callbacks if c is not self]
            # Another list: the loop over the old one, from which this is called, goes on.
            running.callbacks = [_Restorer(self), *self._others, self]

    def _build(self, rows: EpochIterator) -> None:
        """Creates the variables of a model that would create them at its first step."""
        if not self.model.built:
            self.model._symbolic_build(iterator=rows)
            rows.reset()

    def restore_callbacks(self) -> None:
        """Restores the other callbacks, once they have forgotten what they knew."""
        if self._before is None:
            self._before = list(map(fit_state.plain_attributes, self._others))
        if self._state is not None:
            fit_state.put_back_callbacks(self._state, self._others)
            self._state = None
            self.model._initial_epoch = None  # another ``fit`` of the model begins at 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._is_ours and max(self._seconds, time.monotonic() - self._began) > LONG_EPOCH:
            self._trial.check()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._seconds, self._epochs = time.monotonic() - self._began, epoch + 1
        saves = self._resumable and (self._seconds > LONG_EPOCH or self._trial.is_saving_due())
        if saves:
            self._save()  # before the report, which saves the folder
        value = self._monitored(logs or {}) if self._reports else None
        try:
            self._report(value, epoch)
        except TrialInterrupted:
            if not saves:
                self._save()
            raise
        if value is not None and self._trial.should_prune():
            raise optuna.TrialPruned(f"Trial was pruned at epoch {epoch}.")

    def _report(self, value: float | None, epoch: int) -> None:
        if value is not None:
            self._trial.report(value, self._step(epoch))
        elif self._is_ours:
            self._trial.save_folder()
            self._trial.check()

    def _step(self, epoch: int) -> int:
        """A step of its own for each epoch of the trial, whatever a loop calls its epochs."""
        if self._resumable or not self._is_ours:
            return self._first_step + epoch
        self._looped += 1
        return int(self._trial.next_step) + self._looped - 1

    def _monitored(self, logs: Mapping[str, Any]) -> float | None:
        """What is reported of an epoch; None for nothing."""
        if self._monitor not in logs:
            raise UserError(
                f"Expected a metric of this fit as monitor of TrialCallback, one of "
                f"{', '.join(logs)}. Received: {self._monitor!r}."
            )
        return float(logs[self._monitor])

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if self._resumable:
            self._save(over=True)
            self._trial.next_step = self._first_step + self._epochs
            self._resumable = False

    def _save(self, *, over: bool = False) -> None:
        """Writes the state into the trial's folder: others see the old file or the new one."""
        if not self._resumable:
            return
        over = over or bool(self.model.stop_training)
        before = self._before or [{} for _ in self._others]
        state = fit_state.take(
            self.model, self._others, before=before, epoch=self._epochs, over=over
        )
        draft = self._file.with_suffix(".draft")
        with draft.open("wb") as file:
            state.save(file)
        draft.replace(self._file)


class _Restorer(keras.callbacks.Callback):
    """Is called first, and before the first epoch: until then callbacks forget what they knew."""

    def __init__(self, callback: TrialCallback) -> None:
        super().__init__()
        self._callback = callback

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._callback.restore_callbacks()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._callback.restore_callbacks()  # where no epoch was left


def _of_frames(name: str, kind: type) -> Any:
    """A local variable of a function that called this one: callbacks are told too little."""
    frame = inspect.currentframe()
    while frame is not None:
        if isinstance(frame.f_locals.get(name), kind):
            return frame.f_locals[name]
        frame = frame.f_back
    return None


def _seed_row_order(seed: int) -> None:
    """Keras shuffles by TensorFlow's generator, whose state cannot be saved: it begins alike."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.random.set_seed(seed)


def _trial_at_hand(trial: optuna.trial.Trial | None) -> Any:
    return current_trial() if trial is None else trial


def _is_ours(trial: Any) -> bool:
    return isinstance(trial, CurrentTrial)
