"""Arrays that are only in memory, written once so that workers load them like any other file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.arrays import FORMS, GROUP, TARGET_NAMES, TIME, Arrays, from_names
from tuner.datasets.checks import check
from tuner.datasets.errors import DataError
from tuner.datasets.fingerprint import fingerprint
from tuner.datasets.spec import DataSpec

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
    several = tuple(data) if isinstance(data, (tuple, list)) else ()
    if len(several) == 2 and all(isinstance(p, tuple) and len(p) == 2 for p in several):
        (x_train, y_train), (x_test, y_test) = several
        return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    if len(several) in (2, 3):
        return dict(zip(("x", "y", "w"), several, strict=False))
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
    if "://" in base or "::" in base:
        raise DataError(
            f"Expected a local folder for arrays to be written to. Received: {base}: put them "
            "into a .npz file that all machines reach, and give its path."
        )
    arrays = check(from_names(named_arrays(data), WHERE), WHERE)
    digest = f"{fingerprint(arrays, DataSpec(source=WHERE), '')}{arrays.targets or ''}".encode()
    path = Path(base) / FOLDER / f"arrays-{hashlib.sha256(digest).hexdigest()[:DIGITS]}.npz"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.part")
    values: dict[str, Any] = _by_name(arrays)
    with partial.open("wb") as file:
        np.savez(file, **values)
    partial.replace(path)
    return path


def _by_name(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The checked arrays under the names that ``from_names`` reads."""
    suffixes = {"train": "_train", "validation": "_val", "test": "_test"}
    whole = len(arrays.parts) == 1
    found = {
        axis if whole else axis + suffixes[part]: array
        for part, rows in arrays.parts.items()
        for axis, array in (("x", rows.x), ("y", rows.y), ("w", rows.weights))
        if array is not None
    }
    if arrays.targets is not None:
        found[TARGET_NAMES] = np.array(arrays.targets)
    blocks = arrays.parts["train"].blocks
    if blocks is not None:
        found[TIME if arrays.by_time else GROUP] = blocks
    return found
