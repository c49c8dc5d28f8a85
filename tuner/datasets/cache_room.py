"""The disk space of the cache: old entries go, then those that were not used for longest.

A name that begins with a dot is a draft that a process is writing, or an entry that is going.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from tuner.datasets.cache_folder import cache_folder

OLD = 30 * 86400.0  # seconds since the last use
MOST = 50_000_000_000  # bytes of all entries together
SPARE = 2  # free disk space needed for an entry, as a multiple of its size


def clear(*, older_than: float = 0.0, dry_run: bool = False) -> list[str]:
    """Removes cache entries and returns their paths.

    Processes that have mapped an entry can still use it.

    Args:
        older_than: Keep entries that were used less than so many seconds ago.
        dry_run: Only return the paths.
    """
    now, removed = time.time(), []
    for entry in _entries():
        if now - _last_used(entry) >= older_than:
            removed.append(str(entry))
            if not dry_run:
                _remove(entry)
    notes = [path for kind in ("states", "locks") for path in (cache_folder() / kind).glob("*")]
    for note in notes:
        if not dry_run and now - _last_used(note) >= older_than:
            note.unlink(missing_ok=True)
    return removed


def make_room(size: int) -> None:
    """Removes old entries, then the least recently used ones, until ``size`` bytes fit.

    Raises:
        OSError: The disk has too little free space.
    """
    clear(older_than=OLD)
    # A name with a dot is a draft that another process is writing.
    complete = (entry for entry in _entries() if not entry.name.startswith("."))
    entries = sorted(complete, key=_last_used)
    total = size + sum(map(_size, entries))
    for entry in entries:
        if total <= MOST:
            break
        total -= _size(entry)
        _remove(entry)
    if shutil.disk_usage(cache_folder()).free < SPARE * size:
        raise OSError("too little free disk space")


def _entries() -> list[Path]:
    base = cache_folder() / "data"
    return [path for path in base.iterdir() if path.is_dir()] if base.is_dir() else []


def _last_used(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return time.time()


def _size(entry: Path) -> int:
    with suppress(OSError):
        return sum(path.stat().st_size for path in entry.iterdir())
    return 0


def _remove(entry: Path) -> None:
    """Removes an entry; the rename keeps other processes from opening half of it."""
    gone = entry.with_name(f".gone-{entry.name}")
    with suppress(OSError):
        entry.rename(gone)
    for path in (gone, entry):
        shutil.rmtree(path, ignore_errors=True)
