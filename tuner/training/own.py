"""Losses, metrics and callbacks of the user's own, each ``path/file.py:NAME``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from search_spaces.errors import SpaceError
from search_spaces.sources import Source, file_of, load_file, short


def load(name: str, expected: str) -> Any:
    """Returns what a file defines under a name; a file that did not change is run once.

    Args:
        expected: What it has to be, for people; anything that can be called is taken.

    Raises:
        SpaceError: The file cannot be read or run, or has no such name, or it is something else.
    """
    path = file_of(name)
    if path is None:
        raise SpaceError(f"Expected path/file.py:NAME. Received: {name!r}.")
    found = _source(path, _changed(path)).attribute(short(name))
    if not callable(found):
        raise SpaceError(f"Expected {name} to be {expected}. Received: {found!r}.")
    return found


@lru_cache(maxsize=16)
def _source(path: Path, changed: int) -> Source:
    return load_file(path)


def _changed(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 where it cannot be read."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
