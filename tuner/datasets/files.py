"""The user's files: found, readable and not empty, or one clear line."""

from __future__ import annotations

from pathlib import Path

from tuner.datasets.errors import DataError
from tuner.errors import did_you_mean


def require_file(path: str) -> Path:
    """Returns the path of a file that can be opened and holds at least one byte.

    Raises:
        DataError: It does not exist (close matches are shown), is no file, may not be read, or
            is empty.
    """
    file = Path(path).expanduser()
    if not file.exists():
        raise DataError(f"Expected a file. Received: {path}, which does not exist.{_near(file)}")
    if not file.is_file():
        raise DataError(f"Expected a file. Received: {path}, which is a folder: name a file in it.")
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


def _near(file: Path) -> str:
    if not file.parent.is_dir():
        return f" Its folder {file.parent} does not exist either."
    return did_you_mean(file.name, (entry.name for entry in file.parent.iterdir()))
