"""NumPy archives: ``.npz`` files with arrays named as Keras's own data sets name them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from tuner.datasets.arrays import FORMS, NAMES, Arrays, from_names
from tuner.datasets.errors import DataError
from tuner.datasets.files import require_file
from tuner.datasets.spec import DataSpec
from tuner.errors import one_line

FORM = "FILE.npz"
SUMMARY = f"arrays {FORMS}"
TAKES_TARGET = False


def accepts(source: str) -> bool:
    """Whether the source ends in ``.npz``."""
    return source.endswith(".npz")


def read(spec: DataSpec) -> Arrays:
    """Returns the arrays of the archive; those under other names are not even read.

    Raises:
        DataError: The file is missing, damaged or no archive; an array holds Python objects,
            which are never unpickled, as they may run code; or the names do not fit.
    """
    return from_names(members(require_file(spec.source), NAMES), spec.source)


def members(path: Path, names: Collection[str]) -> dict[str, Any]:
    """Returns the arrays of an archive that have one of these names, and None under all others.

    Raises:
        DataError: It is damaged or no archive, or an array holds Python objects.
    """
    if not zipfile.is_zipfile(path):
        raise DataError(
            f"Expected a NumPy archive. Received: {path}, which is none: "
            "write it with numpy.savez(path, x=x, y=y)."
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {
                name: _member(archive, name, path) if name in names else None
                for name in archive.files
            }
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as e:
        raise DataError(
            f"Expected a NumPy archive. Received: {path}, which is damaged ({one_line(e)}): "
            "write it again."
        ) from e


def _member(archive: Any, name: str, path: Path) -> Any:
    try:
        return archive[name]
    except ValueError as e:
        if "Object arrays" not in str(e):
            raise
        raise DataError(
            f"{path}: expected arrays of numbers or text. Received: {name} with Python objects: "
            f"save {name}.astype(float) or {name}.astype(str) instead."
        ) from e
