"""What weights a network begins with: names, and files of Keras."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.errors import SpaceError, shorten
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Value

IMAGENET, NONE = "imagenet", "none"
ENDINGS = (".h5", ".keras")  # of files that Keras loads weights from


def is_weights_file(text: str) -> bool:
    """Whether a value is a file of weights, by its name."""
    return text.endswith(ENDINGS)


@dataclass(frozen=True)
class WeightsChoice(Choice):
    """A list of weights by their names; a file of them may be one too, with whatever is in it."""

    @property
    def expected(self) -> str:
        return f"{super().expected}, or a file of weights (.weights.h5, .keras)"

    def means(self, value: Value) -> bool:
        return super().means(value) or (isinstance(value, str) and is_weights_file(value))

    def _check_values(self) -> None:
        for value in self.values:
            if not self.means(value):
                raise self._refused(str(value))

    def _parse_category(self, text: str) -> Value:
        if not is_weights_file(text):
            return super()._parse_category(text)
        path = Path(text).absolute()
        if not path.is_file():
            raise SpaceError(f"Expected {self.expected}. Received: no file {shorten(text)}.")
        return str(path)

    def _range(self) -> dict[str, Any]:
        return {**super()._range(), "files": [_sha256(str(value)) for value in self.values]}


def _sha256(name: str) -> str | None:
    if not is_weights_file(name):
        return None
    with open(name, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
