"""Arrays that are only in memory, written once so that workers load them like any other file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.scratch import scratch
from tuner.datasets.array_names import COLUMN_NAMES, FORMS, GROUP, TARGET_NAMES, TIME
from tuner.datasets.checks import check
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.fingerprint import fingerprint
from tuner.datasets.raw_data import Arrays, from_names

FOLDER = "data"
WHERE = "data"  # how messages name the source
DIGITS = 12  # of the hash, in the file's name


def named_arrays(data: Any) -> dict[str, Any]:
    """Returns arrays by the names that ``.npz`` sources have.

    Args:
        data: ``(x, y)`` or ``(x, y, weights)``; ``((x_train, y_train), (x_test, y_test))`` as
            Keras's own sets come; or a mapping of such names.

    Raises:
        DataError: It is none of these.
    """
    if isinstance(data, Mapping):
        return dict(data)
    parts = tuple(data) if isinstance(data, (tuple, list)) else ()
    if len(parts) == 2 and all(isinstance(p, tuple) and len(p) == 2 for p in parts):
        (x_train, y_train), (x_test, y_test) = parts
        return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    if len(parts) in (2, 3):
        return dict(zip(("x", "y", "w"), parts, strict=False))
    raise DataError(
        f"Expected data as the name of a source, as (x, y), or as arrays named {FORMS}. "
        f"Received: {type(data).__name__}."
    )


def write(data: Any, base: str) -> Path:
    """Writes arrays to a file named by their hash, unless it is there.

    Args:
        data: See ``named_arrays``.
        base: The folder of models and checkpoints.

    Returns:
        The path of the ``.npz`` file.

    Raises:
        DataError: The arrays cannot be trained on, or the folder is none that is local.
        OSError: It cannot be written.
    """
    require_local(base)
    arrays = check(from_names(named_arrays(data), WHERE), WHERE)
    names = f"{arrays.targets or ''}{arrays.columns or ''}{arrays.columns_of or ''}"
    digest = f"{fingerprint(arrays, DataSpec(source=WHERE), '')}{names}".encode()
    path = Path(base) / FOLDER / f"arrays-{hashlib.sha256(digest).hexdigest()[:DIGITS]}.npz"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    values: dict[str, Any] = _to_named_arrays(arrays)
    with scratch(path.parent) as folder:
        np.savez(folder / path.name, **values)
        (folder / path.name).replace(path)
    return path


def require_local(base: str) -> None:
    """Raises DataError unless a folder is local, as data that are in memory are written there."""
    if "://" in base or "::" in base:
        raise DataError(
            f"Expected a local folder for arrays to be written to. Received: {base}: put them "
            "into a .npz file that all machines reach, and give its path."
        )


def _to_named_arrays(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The checked arrays under the names that ``from_names`` reads."""
    suffixes = {"train": "_train", "validation": "_val", "test": "_test"}
    whole = len(arrays.parts) == 1
    named = {
        axis if whole else axis + suffixes[part]: array
        for part, rows in arrays.parts.items()
        for axis, array in (("x", rows.x), ("y", rows.y), ("w", rows.weights))
        if array is not None
    }
    if arrays.targets is not None:
        named[TARGET_NAMES] = np.array(arrays.targets)
    if arrays.named_columns is not None:
        named[COLUMN_NAMES] = arrays.named_columns
    blocks = arrays.parts["train"].blocks
    if blocks is not None:
        named[TIME if arrays.by_time else GROUP] = blocks
    return named
