"""NumPy archives: ``.npz`` files with arrays named as Keras's own data sets name them."""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from tuner.datasets.array_names import FORMS, standard_name
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_memory, check_room
from tuner.datasets.raw_data import Arrays, from_names
from tuner.datasets.sources.source import Source, one_file
from tuner.datasets.sources.user_files import require_file
from tuner.errors import one_line

MAPPED = 8_000_000  # bytes of an array from which on it is mapped, where it is not compressed
_HEAD = 30  # bytes of a member's local header, before its name and what follows that
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def accepts(source: str) -> bool:
    """Whether the source ends in ``.npz``."""
    return source.endswith(".npz")


def read(spec: DataSpec) -> Arrays:
    """Returns the arrays of the archive; those under other names are not even read.

    Large ones that are not compressed (``numpy.savez``) are mapped from the file, like those of a
    folder: nobody sees then whether they are damaged.

    Raises:
        DataError: The file is missing, damaged or no archive; an array holds Python objects,
            which are never unpickled, as they may run code; or the names do not fit.
    """
    return from_names(members(require_file(spec.source), standard_name), spec.source)


def members(path: Path, is_wanted: Callable[[str], object]) -> dict[str, Any]:
    """Returns the arrays of an archive whose names are wanted, and None under all others.

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
                name: _read_member(archive, name, path) if is_wanted(name) else None
                for name in archive.files
            }
    except DataError:
        raise
    except Exception as e:  # whatever NumPy makes of a damaged file
        raise DataError(
            f"Expected a NumPy archive. Received: {path}, which is damaged ({one_line(e)}): "
            "write it again."
        ) from e


def _read_member(archive: Any, name: str, path: Path) -> Any:
    try:
        mapped = _map_member(archive.zip, f"{name}.npy", path)
        if mapped is not None:
            check_room(mapped.shape, f"{name} of {path}")
            return mapped
        _check_size(archive.zip, f"{name}.npy", path)
        return archive[name]
    except ValueError as e:
        if "Object arrays" not in str(e):
            raise
        raise DataError(
            f"{path}: expected arrays of numbers or text. Received: {name} with Python objects: "
            f"save {name}.astype(float) or {name}.astype(str) instead."
        ) from e


def _check_size(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Refuses an array of other size than it claims, before there is room made for it."""
    info = archive.NameToInfo.get(name)
    if info is None:  # no array: bytes, which NumPy reads as they are
        check_memory(archive.getinfo(name.removesuffix(".npy")).file_size, str(path))
        return
    with archive.open(info) as file:
        read_header = _HEADERS.get(npy.read_magic(file))
        if read_header is None:
            return
        shape, _, dtype = read_header(file)
        size = math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and file.tell() + size != info.file_size:
            raise ValueError(
                f"{name.removesuffix('.npy')} claims {size:,} bytes, {info.file_size:,} are there"
            )
    check_memory(size, f"{name} of {path}")


def _map_member(archive: zipfile.ZipFile, name: str, path: Path) -> np.memmap | None:
    """An array as it stands in the file; None where it is small, or has to be unpacked."""
    info = archive.NameToInfo.get(name)
    if info is None or info.compress_type != zipfile.ZIP_STORED or info.file_size < MAPPED:
        return None
    with path.open("rb") as file:
        file.seek(info.header_offset)
        head = file.read(_HEAD)
        begin = info.header_offset + _HEAD + sum(struct.unpack("<HH", head[-4:]))
        file.seek(begin)
        read_header = _HEADERS.get(npy.read_magic(file))
        if read_header is None:
            return None
        shape, by_columns, dtype = read_header(file)
        size, offset = math.prod(shape) * dtype.itemsize, file.tell()
    if dtype.hasobject or offset + size != begin + info.file_size:
        return None  # what is wrong is told by whoever reads it
    return np.memmap(path, dtype, "r", offset, shape, "F" if by_columns else "C")


SOURCE = Source(
    form="FILE.npz",
    summary=f"arrays {FORMS}",
    accepts=accepts,
    read=read,
    needs_keras=False,
    files=one_file,
)
