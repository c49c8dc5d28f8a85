"""Where exported models go: a ``.keras`` file, and its card, a ``.json`` file beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tuner import strict_json
from tuner.errors import UserError

ENDING = ".keras"


class ModelFiles:
    """A model's file and its card.

    Args:
        path: As the user typed it.
        force: Whether files that exist are replaced.

    Attributes:
        model: Path of the model.
        card: Path of the card.

    Raises:
        UserError: The path is of another kind, exists, or cannot be written. To be found out
            before anything is trained.
    """

    def __init__(self, path: str | Path, *, force: bool) -> None:
        self.model = Path(path).expanduser()
        if self.model.suffix != ENDING:
            raise UserError(
                f"Expected a path that ends in {ENDING}. Received: {path}: "
                f"write {self.model.stem or 'model'}{ENDING}."
            )
        self.card = card_path(self.model)
        for file in (self.model, self.card):
            _check_free(file, force=force)

    def write(self, model: Path, card: dict[str, Any]) -> None:
        """Takes over a finished model file, then the card; a reader never sees half a file.

        Args:
            model: A file anywhere; it is copied.
        """
        replace_file(self.model, model.read_bytes())
        replace_file(self.card, f"{strict_json.text(card)}\n".encode())


def card_path(model: Path) -> Path:
    """Where the card of a model lies."""
    return model.with_suffix(".json")


def check_output(path: str | Path, *, force: bool) -> Path:
    """Returns the path of a file that may be written.

    Raises:
        UserError: It exists and nobody said ``--force``, or it cannot be written.
    """
    file = Path(path).expanduser()
    _check_free(file, force=force)
    return file


def _check_free(file: Path, *, force: bool) -> None:
    if file.is_dir():
        raise UserError(f"Expected a file to be written. Received: {file}, which is a folder.")
    if file.exists() and not force:
        raise UserError(
            f"Expected a new file. Received: {file}, which exists: replace it with --force, "
            "or choose another name."
        )
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK | os.X_OK):
        raise UserError(
            f"Expected a folder that can be written. Received: {file.parent}: make it, "
            "or choose another."
        )


def replace_file(file: Path, content: bytes) -> None:
    """Writes a file, or replaces it; a reader never sees half of it.

    Raises:
        UserError: There is no room, or the place cannot be written.
    """
    partial = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(file)
    except OSError as e:
        partial.unlink(missing_ok=True)
        raise UserError(
            f"Expected a place with room for a file. Received: {file} ({e.strerror})."
        ) from e
