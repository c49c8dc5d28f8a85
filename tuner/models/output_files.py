"""Where exported models go: a file such as ``.keras``, and its card, a ``.json`` beside it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from storage.files import scratch
from tuner import strict_json
from tuner.datasets.sources.user_files import kind_of
from tuner.errors import UserError, one_line, shorten
from tuner.models.export_formats import EXPORTS

ABANDONED = 3600.0  # seconds


class ModelFiles:
    """A model's file and its card.

    Args:
        path: As the user typed it; its ending is one of ``EXPORTS``.
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
        ending = self.model.suffix.removeprefix(".")
        if ending not in EXPORTS:
            raise UserError(
                f"Expected a path that ends in .{' or .'.join(EXPORTS)}. Received: {path}: "
                f"write {self.model.stem or 'model'}.keras."
            )
        self._format = EXPORTS[ending]
        self.card = card_path(self.model)
        for file in (self.model, self.card):
            _check_free(file, force=force)

    def write(self, model: Path, card: dict[str, Any]) -> None:
        """Takes over a finished model file, then the card; a reader never sees half a file.

        Args:
            model: A ``.keras`` file anywhere.
            card: What is known of it; ``model`` gets name, checksum and size of what is written.

        Raises:
            UserError: It cannot be written there, or not in the format.
        """
        try:
            content = self._format.convert(model)
        except Exception as e:  # of a package's code
            raise UserError(
                f"Expected a model that can be written as {self.model.suffix}. "
                f"Received: {one_line(e)}: export it as .keras."
            ) from e
        digest = hashlib.sha256(content).hexdigest()
        card["model"] |= {"file": self.model.name, "sha256": digest, "bytes": len(content)}
        replace_file(self.model, content)
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
    kind = kind_of(file)
    if kind not in (None, "a file"):  # a device would be replaced by a file
        raise UserError(
            f"Expected a file to be written. Received: {shorten(str(file), 120)}, which is {kind}."
        )
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

    What a process that was killed left there goes: ``tuner gc`` does not know the user's folders.

    Raises:
        UserError: There is no room, or the place cannot be written.
    """
    scratch.remove(scratch.left(file.parent, older_than=ABANDONED))
    try:
        with scratch.scratch(file.parent) as folder:
            partial = folder / file.name
            partial.write_bytes(content)
            partial.replace(file)
    except OSError as e:
        raise UserError(
            f"Expected a place with room for a file. Received: {file} ({e.strerror})."
        ) from e
