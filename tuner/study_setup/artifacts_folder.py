"""Where the models and checkpoints of a study go."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from storage.database import url as urls
from storage.files.artifacts import check_place
from storage.files.scratch import scratch
from tuner.errors import UserError

FOLDER = "tuner-artifacts"


def default_folder(storage: str) -> str:
    """Beside the SQLite file; for a server the current folder."""
    url = urls.parse(storage)
    beside = Path(url.database or "").parent if url.get_backend_name() == "sqlite" else Path.cwd()
    return str(beside / FOLDER)


def _is_url(folder: str) -> bool:
    return "://" in folder or "::" in folder


def absolute_folder(folder: str) -> str:
    """A path from the root, so that workers anywhere on this machine find it; a URL as it is."""
    return folder if _is_url(folder) else str(Path(folder).expanduser().resolve())


def check_no_password(folder: str) -> None:
    """Refuses a URL with a password in it: all who see the study would see it.

    Raises:
        UserError: It has one; the message names where fsspec finds it instead.
    """
    for part in folder.split("::"):
        if not _has_password(part):
            continue
        protocol = part.partition("://")[0]
        place = f"FSSPEC_{protocol.upper()}"
        raise UserError(
            "Expected an --artifacts URL without a password, as it stands in the study's "
            f"definition. Received one of {protocol}:// with: leave user and password out, and set "
            f"{place}_USERNAME and {place}_PASSWORD wherever workers run."
        )


def _has_password(url: str) -> bool:
    try:
        return bool(urlsplit(url).password)
    except ValueError:  # which is told when it is opened
        return False


def check_folder(folder: str) -> None:
    """Refuses a folder that cannot be made, before anything else is."""
    check_place(folder)
    if _is_url(folder):
        return
    path = Path(folder)
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    try:
        # Permissions alone do not tell: root may write anywhere, but not on every file system.
        with scratch(there):
            pass
    except OSError as e:
        raise UserError(
            f"Expected a folder for models and checkpoints that can be written. "
            f"Received: {path} ({e.strerror}). Choose another with --artifacts."
        ) from e
