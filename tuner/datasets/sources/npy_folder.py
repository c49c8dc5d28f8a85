"""Folders of ``.npy`` files, which are mapped, not read: rows may be more than memory holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tuner.datasets.arrays import FORMS, NAMES, Arrays, from_names
from tuner.datasets.errors import DataError
from tuner.datasets.spec import DataSpec
from tuner.errors import one_line

FORM = "FOLDER of .npy files"
SUMMARY = f"x.npy and y.npy, or other arrays {FORMS}"
TAKES_TARGET = False


def accepts(source: str) -> bool:
    """Whether the source is a folder that holds an array under one of the names."""
    return bool(files(source))


def files(source: str) -> dict[str, Path]:
    """Returns the files of a folder that hold arrays we know, by the arrays' names."""
    folder = Path(source).expanduser()
    found = {name: folder / f"{name}.npy" for name in NAMES}
    return {name: path for name, path in found.items() if path.is_file()}


def read(spec: DataSpec) -> Arrays:
    """Returns the arrays, mapped from their files.

    Raises:
        DataError: A file is damaged or holds Python objects; or the names do not fit.
    """
    return from_names(
        {name: _mapped(path) for name, path in files(spec.source).items()}, spec.source
    )


def _mapped(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as e:
        raise DataError(
            f"Expected an array of numbers or text. Received: {path} ({one_line(e)}): "
            "write it again with numpy.save."
        ) from e
