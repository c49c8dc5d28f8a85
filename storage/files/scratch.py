"""Temporary files and folders, with a prefix by which those of killed processes can be found."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "tuner-scratch-"


@contextmanager
def scratch(base: str | Path | None = None) -> Iterator[Path]:
    """A new folder, deleted at the end of the block.

    Args:
        base: Its parent folder; None for the machine's folder for temporary files.
    """
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=base, ignore_cleanup_errors=True) as folder,
        _used(folder),
    ):
        yield Path(folder)


def mark_used(descriptor: int) -> None:
    """Locks an open file or folder until all descriptors of it are closed, by a kill, too.

    A trial may write nothing for hours.
    """
    with suppress(OSError):  # a file system without locks: the last write alone tells
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def left(base: str | Path | None = None, *, older_than: float) -> list[Path]:
    """Returns those of this user that no process uses.

    Args:
        base: Their parent folder; None for the machine's folder for temporary files.
        older_than: Seconds since the last write to one.
    """
    parent = Path(tempfile.gettempdir() if base is None else base)
    mine = [path for path in parent.glob(f"{PREFIX}*") if _is_mine(path)]
    old = [path for path in mine if time.time() - _last_written(path) >= older_than]
    return sorted(path for path in old if not _is_used(path))


def remove(paths: Iterable[Path]) -> None:
    """Deletes files and folders; ignores missing ones."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


@contextmanager
def _used(folder: str) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        mark_used(descriptor)
        yield
    finally:
        with suppress(OSError):  # the user's code has closed it
            os.close(descriptor)


def _is_used(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _is_mine(path: Path) -> bool:
    with suppress(OSError):
        mode = path.lstat().st_mode
        plain = stat.S_ISDIR(mode) or stat.S_ISREG(mode)
        return plain and path.lstat().st_uid == os.getuid()
    return False


def _last_written(path: Path) -> float:
    """Returns the time of the last write to a file or in a folder; now if it cannot be read."""
    newest = 0.0
    for entry in (path, *path.rglob("*")):
        with suppress(FileNotFoundError):
            newest = max(newest, entry.lstat().st_mtime)
    return newest or time.time()
