"""Where the models and checkpoints of a study go."""

from __future__ import annotations

from pathlib import Path

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
