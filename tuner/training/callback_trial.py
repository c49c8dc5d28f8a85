"""The trial that callbacks of the user's own are given, and its folder in checkpoints."""

from __future__ import annotations

import inspect
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.scratch import scratch
from tuner.training.training_state import TrainingState


@dataclass(frozen=True, kw_only=True)
class CallbackTrial:
    """The trial that a callback is made for, if it takes an argument ``trial``.

    Attributes:
        number: Of the trial, from 0.
        study: Name of the study.
        hyperparameters: Of the trial, by name.
        seed: Of this training, in [0, 2**31); rounds of cross-validation have seeds of their own.
        folder: For files that survive the worker: they are saved with each checkpoint, so that
            they are as they were after the epoch that a training goes on from. Each round of
            cross-validation begins with an empty one.
        resumed: Whether ``folder`` holds what an earlier attempt left.

    Examples:
        >>> import keras
        >>> class Snapshots(keras.callbacks.Callback):
        ...     def __init__(self, trial):
        ...         super().__init__()
        ...         self.file = trial.folder / f"epochs-of-{trial.number}.txt"
        ...
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         with self.file.open("a") as file:
        ...             file.write(f"{epoch} {logs['val_loss']}")
    """

    number: int
    study: str
    hyperparameters: Mapping[str, Any]
    seed: int
    folder: Path
    resumed: bool = False

    @property
    def params(self) -> Mapping[str, Any]:
        """The hyperparameters, by the name that Optuna's trials have for them."""
        return self.hyperparameters


def takes_trial(factory: Callable[..., Any]) -> bool:
    """Whether a class or function asks for its trial: it has an argument of that name."""
    try:
        return "trial" in inspect.signature(factory).parameters
    except (TypeError, ValueError):  # one that is not written in Python
        return False


@contextmanager
def trial_of(
    state: TrainingState | None,
    *,
    number: int,
    study: str,
    hyperparameters: Mapping[str, Any],
    seed: int,
) -> Iterator[CallbackTrial]:
    """A trial whose folder is there within the block.

    Args:
        state: Of an earlier attempt, with the files of its folder.
        number: As the other arguments: see `CallbackTrial`.
    """
    archives = [] if state is None else state.group("folder")
    with scratch() as folder:
        for archive in archives:
            with tarfile.open(fileobj=io.BytesIO(archive.tobytes())) as tar:
                tar.extractall(folder, filter="data")
        yield CallbackTrial(
            number=number,
            study=study,
            hyperparameters=hyperparameters,
            seed=seed,
            folder=folder,
            resumed=bool(archives),
        )


def pack(folder: Path) -> list[NDArray[np.uint8]]:
    """All files in a folder as one array of bytes; none where it is empty."""
    if not any(folder.iterdir()):
        return []
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(folder, arcname=".")
    return [np.frombuffer(file.getvalue(), np.uint8)]
