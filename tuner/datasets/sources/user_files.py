"""The user's files: found, readable, not empty and not too large, or one clear line."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_memory
from tuner.errors import did_you_mean, shorten

FILES = (  # no folder is called so
    *(".py", ".npz", ".tfrecord", ".parquet", ".feather", ".xlsx"),
    *(".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".gz"),
)
TEXTS = (
    ".py",
    ".csv",
    ".tsv",
    ".txt",
    ".json",
    ".jsonl",
    ".ndjson",
    ".tfrecord",
)  # read as a whole
_BLOCK = 1 << 16  # bytes at the beginning and the end of a text that are looked at
_KINDS: Mapping[str, Callable[[int], bool]] = {
    "a file": stat.S_ISREG,
    "a folder": stat.S_ISDIR,
    "a pipe": stat.S_ISFIFO,
    "a socket": stat.S_ISSOCK,
}


def kind_of(path: Path) -> str | None:
    """Returns ``a file``, ``a folder``, ``a pipe``, ``a socket`` or ``a device``.

    None where there is nothing, or nothing that could be reached. What is no file is never opened:
    that could wait for ever.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # ValueError: it holds a null character
        return None
    return next((name for name, is_it in _KINDS.items() if is_it(mode)), "a device")


def require_file(path: str) -> Path:
    """Returns the path of a file that can be opened and holds at least one byte.

    Raises:
        DataError: It does not exist (close matches are shown), is no file, may not be read, or
            is empty.
    """
    file = Path(path).expanduser()
    kind = kind_of(file)
    if kind is None:
        raise DataError(
            f"Expected a file. Received: {shorten(path, 120)}, which does not exist.{_near(file)}"
        )
    if kind != "a file":
        hint = "name a file in it" if kind == "a folder" else "write its content to a file"
        raise DataError(f"Expected a file. Received: {path}, which is {kind}: {hint}.")
    try:
        with file.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as e:
        raise DataError(
            f"Expected a file that can be read. Received: {path} ({e.strerror}): "
            "check its permissions."
        ) from e
    if empty:
        raise DataError(f"Expected a file with data. Received: {path}, which is empty.")
    return file


def check_kind(source: str) -> None:
    """Refuses a source of data that names a pipe, a device, or a folder where a file must be.

    Raises:
        DataError: It is so, or the file is too large for memory.
    """
    place, colon, _ = source.rpartition(".py:")
    path = Path(f"{place}.py" if colon else source).expanduser()
    kind = kind_of(path)
    if kind is None or (kind == "a folder" and path.suffix not in FILES):
        return
    require_file(str(path))
    if path.suffix in TEXTS:
        check_memory(path.stat().st_size, str(path))


def require_text(file: Path) -> None:
    """Refuses a file of text that memory cannot hold, or that is none: one with null characters.

    Of a large one its beginning, its end and the holes that its file system knows are looked at.

    Raises:
        DataError: It is so.
    """
    size = file.stat().st_size
    check_memory(size, str(file))
    with file.open("rb") as stream:
        begin = stream.read(_BLOCK)
        stream.seek(max(0, size - _BLOCK))
        has_null = b"\0" in begin or b"\0" in stream.read()
        if has_null or _first_hole(stream.fileno()) < size:
            raise DataError(
                f"Expected a file of text. Received: {file}, which holds null characters, as "
                "damaged files do: write it again, in UTF-8."
            )


def _first_hole(descriptor: int) -> int | float:
    """Where a file begins to hold nothing, which is read as null characters."""
    try:
        return os.lseek(descriptor, 0, os.SEEK_HOLE)
    except (AttributeError, OSError):  # not every system knows
        return float("inf")


def _near(file: Path) -> str:
    if kind_of(file.parent) != "a folder":
        return f" Its folder {shorten(str(file.parent), 120)} does not exist either."
    try:
        return did_you_mean(file.name, (entry.name for entry in file.parent.iterdir()))
    except OSError:
        return ""
