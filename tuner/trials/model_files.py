"""Model files: those of the best trials are kept, with their preprocessing inside."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from storage import pareto, trials
from storage.database.engine import Store
from storage.files.artifacts import Artifacts, SavedFile
from storage.leases import Claim
from storage.studies import Study

if TYPE_CHECKING:
    import keras


class BestModels:
    """Room for the models of a study's best trials.

    Args:
        keep: How many.
    """

    def __init__(self, store: Store, study: Study, artifacts: Artifacts, *, keep: int) -> None:
        self._store, self._study, self._artifacts, self._keep = store, study, artifacts, keep

    def has_room(self, value: float, further: Sequence[float] = ()) -> bool:
        """Whether a trial of these objectives is among the best so far: see ``trials.best``."""
        if further:
            return pareto.place(self._store, self._study, (value, *further)) < self._keep
        best, sign = trials.best(self._store, self._study, count=self._keep), self._study.sign
        return len(best) < self._keep or any(
            other.value is not None and sign * value < sign * other.value for other in best
        )

    def save(self, claim: Claim, model: keras.Model, *, epoch: int) -> SavedFile:
        """Writes a model.

        Args:
            model: It takes raw rows, see ``deployable``.
            epoch: The epoch of its weights.

        Raises:
            OSError: The disk is full, or the place cannot be written.
        """
        name = f"models/trial-{claim.number:05d}-token-{claim.token}-epoch-{epoch}.keras"
        return self._artifacts.save(name, lambda path: _write(model, path))

    def save_file(self, claim: Claim, file: Path, *, epoch: int) -> SavedFile:
        """Copies a model that was written to a file; see ``save``."""
        name = f"models/trial-{claim.number:05d}-token-{claim.token}-epoch-{epoch}{file.suffix}"
        return self._artifacts.save(name, lambda path: _copy(file, path))

    def clear(self) -> None:
        """Removes the models of trials that are not among the best any more."""
        # First these: a trial that another worker ends meanwhile is not among them, or it would
        # not be among the best that were read before.
        kept = trials.with_model(self._store, self._study)
        best = {t.trial_id for t in trials.best(self._store, self._study, count=self._keep)}
        old = [t for t in kept if t.trial_id not in best]
        trials.set_model(self._store, [t.trial_id for t in old], None)
        self._artifacts.remove(t.model for t in old if t.model is not None)


def _copy(file: Path, path: Path) -> None:
    shutil.copyfile(file, path)


def _write(model: keras.Model, path: Path) -> None:
    with _assets_in(path.parent):
        model.save(path)


@contextmanager
def _assets_in(folder: Path) -> Iterator[None]:
    """Lets Keras keep a model's assets in a folder until their file is written.

    Its own place for them is the machine's for temporary files, where nobody would know those of
    a process that was killed meanwhile. Other threads are left alone: a user's callback may save.
    """
    from keras.src.saving import saving_lib

    usual, here = saving_lib.get_temp_dir, threading.get_ident()

    def chosen() -> str:
        return tempfile.mkdtemp(dir=folder) if threading.get_ident() == here else str(usual())

    saving_lib.get_temp_dir = chosen
    try:
        yield
    finally:
        saving_lib.get_temp_dir = usual
