"""Checkpoints of one trial: written beside training, found again by whoever goes on.

A checkpoint is a file that is written once; the pointer with its checksum in the lease's row is
the commit. The newest two are kept, so that a damaged file costs some epochs and nothing else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from storage import leases
from storage.database.engine import Store
from storage.errors import LeaseLost, StoreUnreachable
from storage.files.artifacts import Artifacts, DamagedFile
from storage.leases import Checkpoint, Claim
from tuner.errors import one_line

FOLDER = "checkpoints"
KEPT = 2
MAX_SHARE = 0.01  # of the time that may be spent on writing them

logger = logging.getLogger(__name__)


class State(Protocol):
    """What survives of a trial after an epoch."""

    @property
    def epoch(self) -> int:
        """Finished epochs."""

    @property
    def extension(self) -> str:
        """Of the name of its file, with the dot."""

    def save(self, file: IO[bytes]) -> None:
        """Writes it."""


class Checkpointer:
    """Writes the checkpoints of one claim on a thread of its own, one at a time.

    Args:
        min_interval: Seconds between two checkpoints, at least; slow ones are taken less often.
        wait_until_reported: Waits until the epochs so far are in the store: whoever resumes from a
            checkpoint trains no epoch before it again, so that one without a report would be lost.
    """

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        claim: Claim,
        *,
        min_interval: float,
        wait_until_reported: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._artifacts, self._claim = store, artifacts, claim
        self._kept = list(claim.checkpoints)
        self._interval = min_interval
        self._next = time.monotonic() + min_interval
        self._min_interval = min_interval
        self._wait_until_reported = wait_until_reported
        self._thread: threading.Thread | None = None

    def load(self, read: Callable[[Path], Any] | None = None) -> Any:
        """The state of the newest checkpoint that is whole; None to begin anew.

        Args:
            read: Reads a state from a file; None for one of our own training.
        """
        read = read or _read_training_state
        for checkpoint in self._claim.checkpoints:
            try:
                with self._artifacts.local(checkpoint.path, checkpoint.sha256) as path:
                    return read(path)
            except (OSError, DamagedFile, ValueError) as e:
                logger.warning("checkpoint of epoch %d cannot be used: %s", checkpoint.epoch, e)
                self._kept.remove(checkpoint)  # it must not take the place of one that can
        return None

    def due(self) -> bool:
        """Whether it is time for the next one, and the last one is written."""
        return time.monotonic() >= self._next and not self._writing()

    def offer(self, state: State) -> None:
        """Begins to write a state; returns at once."""
        self._thread = threading.Thread(
            target=self._write, args=[state], name="checkpoint", daemon=True
        )
        self._thread.start()

    def flush(self, state: State | None = None) -> None:
        """Waits for the one that is being written, then writes ``state``."""
        if self._thread is not None:
            self._thread.join()
        if state is not None:
            self._write(state)

    def remove(self) -> None:
        """Removes all files: the trial has ended.

        Those too that no row points to, because a worker died between file and commit.
        """
        self.flush()
        self._artifacts.remove(kept.path for kept in self._kept)
        if self._claim.token > 1:
            with suppress(OSError):
                self._artifacts.remove(self._artifacts.named(f"{FOLDER}/{_prefix(self._claim)}"))

    def _writing(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _write(self, state: State) -> None:
        began = time.monotonic()
        try:
            self._commit(state)
        except (LeaseLost, StoreUnreachable) as e:
            logger.info("checkpoint of epoch %d not kept: %s", state.epoch, e)
        except Exception as e:  # a full disk costs the checkpoint, not the trial
            logger.warning("no checkpoint of epoch %d: %s", state.epoch, one_line(e))
        cost = time.monotonic() - began
        self._next = time.monotonic() + max(self._min_interval, cost / MAX_SHARE)

    def _commit(self, state: State) -> None:
        place = f"{FOLDER}/{_prefix(self._claim)}token-{self._claim.token}"
        name = f"{place}-epoch-{state.epoch}{state.extension}"
        saved = self._artifacts.save(name, lambda path: _save(state, path))
        newest = Checkpoint(path=saved.path, sha256=saved.sha256, epoch=state.epoch)
        kept = [newest, *self._kept]
        try:
            self._wait_until_reported()
            leases.keep_checkpoints(self._store, self._claim, kept[:KEPT])
        except (LeaseLost, StoreUnreachable):
            self._artifacts.remove([saved.path])
            raise
        self._kept = kept[:KEPT]
        self._artifacts.remove(old.path for old in kept[KEPT:])


def _prefix(claim: Claim) -> str:
    return f"trial-{claim.number:05d}-"


def _save(state: State, path: Path) -> None:
    with path.open("wb") as file:
        state.save(file)


def _read_training_state(path: Path) -> State:
    from tuner.training.training_state import TrainingState

    return TrainingState.load(path)
