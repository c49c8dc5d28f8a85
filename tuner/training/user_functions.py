"""Losses, metrics and callbacks of the user's own, each ``path/file.py:NAME``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from search_spaces.errors import SpaceError
from search_spaces.user_code.source_files import Source, file_of, load_file, short_name


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
    function = _source(path, _changed(path)).attribute(short_name(name))
    if not callable(function):
        raise SpaceError(f"Expected {name} to be {expected}. Received: {function!r}.")
    return function


@lru_cache(maxsize=16)
def _source(path: Path, changed: int) -> Source:
    return load_file(path)


def _changed(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 where it cannot be read."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
