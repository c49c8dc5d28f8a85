"""How much input may be: more would take minutes or all memory, and is refused at once."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from tuner.datasets.cache_folder import cache_folder
from tuner.datasets.errors import DataError
from tuner.errors import quoted, shorten
from tuner.resources import memory

MOST_COLUMNS = 10_000  # of a table; each is looked at by itself
LONGEST_LABEL = 1_000  # letters of a class or category: NumPy gives as much room to every row
_GIGA = 1e9
_FLOAT = 4  # bytes of a prepared number


def check_columns(count: int, source: str) -> None:
    """Raises DataError if a table has too many columns."""
    if count > MOST_COLUMNS:
        raise DataError(
            f"{source}: expected at most {MOST_COLUMNS:,} columns. Received: {count:,}: give "
            "numbers as the arrays of a .npz file, or leave columns out."
        )


def check_labels(labels: Sequence[str], what: str, source: str) -> None:
    """Raises DataError if one of some texts is too long to be a class or a category.

    Args:
        what: What they are, for the message.
    """
    longest = max(labels, key=len, default="")
    if len(longest) > LONGEST_LABEL:
        raise DataError(
            f"{source}: expected at most {LONGEST_LABEL:,} letters in every {what}. "
            f"Received: {quoted(longest)} with {len(longest):,}: shorten or remove it."
        )


def check_memory(size: int, what: str) -> None:
    """Raises DataError if memory has no room for data.

    Args:
        size: Bytes.
        what: What they are, for the message.
    """
    free = memory.available()
    if free is not None and size > free:
        raise DataError(
            f"Expected data that fit into memory, of which {free / _GIGA:.1f} GB are free. "
            f"Received: {shorten(what, 100)} with {size / _GIGA:,.1f} GB: take fewer rows, or give "
            "arrays as .npy files, which are not read but mapped."
        )


def check_room(shape: Sequence[int], what: str) -> None:
    """Raises DataError if neither memory nor the disk of the cache has room for prepared data.

    Args:
        shape: Of the raw array, which is mapped.
        what: What it is, for the message.
    """
    size = math.prod(shape) * _FLOAT
    cache = cache_folder()
    existing = next((path for path in (cache, *cache.parents) if path.exists()), Path("/"))
    free = max(memory.available() or 0, shutil.disk_usage(existing).free)
    if size > free:
        raise DataError(
            f"Expected an array that this machine has room for, {free / _GIGA:.1f} GB. Received: "
            f"{shorten(what, 100)} of {size / _GIGA:,.1f} GB once prepared: take fewer rows, or "
            "let TUNER_CACHE name a larger disk."
        )
