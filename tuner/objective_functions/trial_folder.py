"""A trial's folder: files of the user's code that survive its worker."""

from __future__ import annotations

import shutil
import tarfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

from storage.files.scratch import scratch
from tuner.trials.checkpoints import Checkpointer, State

Signature = dict[str, tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class FolderArchive:
    """A folder as it was after a report: a file of it, which goes once it is saved.

    Attributes:
        epoch: Reports so far.
        path: The archive.
    """

    epoch: int
    path: Path
    extension: ClassVar[str] = ".tar"

    def save(self, file: IO[bytes]) -> None:
        """Writes the archive."""
        with self.path.open("rb") as archive:
            shutil.copyfileobj(archive, file)
        self.path.unlink()


class TrialFolder:
    """A local folder that is saved with the trial's checkpoints, and is there again after a kill.

    Args:
        checkpointer: Of the trial.

    Attributes:
        path: Where it is; only inside the ``with`` block.
        restored: Whether an earlier attempt's files are in it.
    """

    def __init__(self, checkpointer: Checkpointer) -> None:
        self._checkpointer = checkpointer
        self._scratch: AbstractContextManager[Path] = scratch()
        self._saved: Signature = {}
        self.path = Path()
        self.restored = False

    def __enter__(self) -> TrialFolder:
        self._base = self._scratch.__enter__()
        self.path = self._base / "folder"
        self.path.mkdir()
        self._checkpointer.load(self._extract)
        self._saved = self._signature()
        self.restored = bool(self._saved)
        return self

    def __exit__(self, *error: Any) -> None:
        self._checkpointer.flush()
        self._scratch.__exit__(*error)

    def is_due(self) -> bool:
        """Whether it is time to save the folder."""
        return self._checkpointer.due()

    def offer(self, reports: int) -> None:
        """Saves the folder beside the trial, if it changed and it is time to."""
        if self.is_due():
            self._save(reports, self._checkpointer.offer)

    def flush(self, reports: int) -> None:
        """Saves the folder now, if it changed."""
        self._checkpointer.flush()
        self._save(reports, self._checkpointer.flush)

    def _save(self, reports: int, save: Callable[[State], None]) -> None:
        signature = self._signature()
        if signature == self._saved:
            return
        archive = self._base / f"archive-{time.monotonic_ns()}.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(self.path, arcname=".")
        save(FolderArchive(epoch=reports, path=archive))
        self._saved = signature

    def _extract(self, archive: Path) -> bool:
        """Fills the folder from an archive.

        Raises:
            ValueError: It is no such archive, or leads out of the folder.
        """
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(self.path, filter="data")
        except tarfile.TarError as e:
            shutil.rmtree(self.path)
            self.path.mkdir()
            raise ValueError(f"Expected a folder's archive. Received: {archive.name}.") from e
        return True

    def _signature(self) -> Signature:
        """Size and time of each file: what changes when one is written."""
        return {
            path.relative_to(self.path).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }
