"""Model files: those of the best trials are kept, with their preprocessing inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage import front, trials
from storage.artifacts import Artifacts, SavedFile
from storage.engine import Store
from storage.leases import Claim
from storage.studies import Study

if TYPE_CHECKING:
    import keras


class ModelShelf:
    """Room for the models of a study's best trials.

    Args:
        keep: How many.
    """

    def __init__(self, store: Store, study: Study, artifacts: Artifacts, *, keep: int) -> None:
        self._store, self._study, self._artifacts, self._keep = store, study, artifacts, keep

    def has_room(self, value: float, further: Sequence[float] = ()) -> bool:
        """Whether a trial of these objectives is among the best so far: see ``trials.best``."""
        if further:
            return front.place(self._store, self._study, (value, *further)) < self._keep
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
        return self._artifacts.save(name, model.save)

    def clear(self) -> None:
        """Removes the models of trials that are not among the best any more."""
        # First these: a trial that another worker ends meanwhile is not among them, or it would
        # not be among the best that were read before.
        kept = trials.with_model(self._store, self._study)
        best = {t.trial_id for t in trials.best(self._store, self._study, count=self._keep)}
        old = [t for t in kept if t.trial_id not in best]
        trials.set_model(self._store, [t.trial_id for t in old], None)
        self._artifacts.remove(t.model for t in old if t.model is not None)
