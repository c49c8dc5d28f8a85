"""Checks that a SQLite file is still the one that was opened, and rescues its content if not.

On Unix a deleted or moved file stays open in the processes that use it: they would go on writing
to a file that nobody can find. The file is identified by device and inode, as in SQLite itself
(``fileHasMoved`` in its os_unix.c).
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from contextlib import closing, suppress
from pathlib import Path

from storage.errors import StoreLost

Identity = tuple[int, int]  # device, inode
OPEN_FILES = Path("/proc/self/fd")  # of this process, on Linux


class StoreFile:
    """The SQLite file that a process works with.

    Args:
        path: Absolute path of an existing file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = _identity(path)
        self._lock = threading.Lock()
        self._copied: dict[int, tuple[int, int]] = {}  # by connection: the state that was copied

    def check(self) -> None:
        """Checks that the file is still there and the same.

        Raises:
            StoreLost: The file was deleted, moved or replaced.
        """
        if not self._is_there():
            raise self._lost("Name the store with --storage or TUNER_STORAGE.")

    def keep(self, opened: sqlite3.Connection) -> None:
        """Checks the file; if it is gone, first copies what an open connection still sees.

        Args:
            opened: The connection.

        Raises:
            StoreLost: The file was deleted, moved or replaced; the error says where its content is.
        """
        if self._is_there():
            return
        with self._lock:
            try:
                advice = self._rescue(opened)
            except (OSError, sqlite3.Error) as e:
                advice = f"Its content could not be saved: {e}."
        raise self._lost(advice)

    def _rescue(self, opened: sqlite3.Connection) -> str:
        """Saves the content of the missing file; returns a sentence that says where it is."""
        # A checkpoint moves the write-ahead log into the file. Not if there is a new file at the
        # path: its log has the same name.
        if not self._path.exists():
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            moved_to = self._current_path()
            if moved_to is not None:
                return f"It was moved: resume with --storage sqlite:///{moved_to}"
        copy = self._copy(opened)
        copy_name = copy.name if copy.parent == self._path.parent else copy
        return f"Its content was saved as {copy_name}: move that back and launch again."

    def _is_there(self) -> bool:
        return self._identity is not None and _identity(self._path) == self._identity

    def _lost(self, advice: str) -> StoreLost:
        change = "was replaced" if self._path.exists() else "is gone"
        return StoreLost(
            f"Expected the file of the store to stay. Received: {self._path} {change}. {advice}"
        )

    def _current_path(self) -> Path | None:
        """Path of the open file now; None if it was deleted, or on other systems than Linux."""
        with suppress(OSError):
            for link in OPEN_FILES.iterdir():
                with suppress(OSError):
                    path = Path(os.readlink(link))
                    if _identity(link) == self._identity == _identity(path):
                        return path
        return None

    def _copy(self, opened: sqlite3.Connection) -> Path:
        """Copies the deleted file, unless this connection has copied it in this state before.

        Each process overwrites the copy when it notices the deletion: the process that wrote last
        copies after its write, and then the copy has everything.
        """
        assert self._identity is not None
        folder = self._path.parent if self._path.parent.is_dir() else Path(tempfile.gettempdir())
        copy = folder / f"{self._path.name}.kept-{self._identity[1]}"
        # Changed by commits of other connections, and by this one's own.
        state = (opened.execute("PRAGMA data_version").fetchone()[0], opened.total_changes)
        if self._copied.get(id(opened)) == state and copy.exists():
            return copy
        part = copy.with_name(f"{copy.name}.{os.getpid()}")  # renamed when complete
        try:
            with closing(sqlite3.connect(part)) as target:
                opened.backup(target)
            os.replace(part, copy)
        finally:
            part.unlink(missing_ok=True)
        self._copied[id(opened)] = state
        return copy


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
