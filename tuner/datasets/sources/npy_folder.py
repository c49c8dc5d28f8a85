"""Folders of ``.npy`` files, which are mapped, not read: rows may be more than memory holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tuner.datasets.array_names import FORMS, standard_name
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_room
from tuner.datasets.raw_data import Arrays, from_names
from tuner.datasets.sources.source import Source
from tuner.datasets.sources.user_files import kind_of
from tuner.errors import one_line


def accepts(source: str) -> bool:
    """Whether the source is a folder that holds an array under one of the names."""
    return bool(files(source))


def files(source: str) -> dict[str, Path]:
    """Returns the files of a folder that hold arrays we know, by the arrays' names."""
    folder = Path(source).expanduser()
    paths = sorted(folder.glob("*.npy")) if kind_of(folder) == "a folder" else []
    return {p.stem: p for p in paths if standard_name(p.stem) and kind_of(p) == "a file"}


def read(spec: DataSpec) -> Arrays:
    """Returns the arrays, mapped from their files.

    Raises:
        DataError: A file is damaged or holds Python objects; or the names do not fit.
    """
    return from_names(
        {name: _map_file(path) for name, path in files(spec.source).items()}, spec.source
    )


def _map_file(path: Path) -> np.ndarray:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as e:  # whatever NumPy makes of a damaged file
        raise DataError(
            f"Expected an array of numbers or text. Received: {path} ({one_line(e)}): "
            "write it again with numpy.save."
        ) from e
    check_room(mapped.shape, str(path))
    return mapped


SOURCE = Source(
    form="FOLDER of .npy files",
    summary=f"x.npy and y.npy, or other arrays {FORMS}",
    accepts=accepts,
    read=read,
    needs_keras=False,
    files=lambda source: [Path(source).expanduser(), *files(source).values()],
)
