"""Formats of exported models, by the ending of the file; packages may add others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from search_spaces.registry import Registry


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """A format that a model can be written in.

    Attributes:
        convert: Returns the content of the file, from the path of the model as Keras saved it: it
            takes raw rows. Keras is imported here at the earliest.
    """

    convert: Callable[[Path], bytes]


EXPORTS: Registry[ExportFormat] = Registry(
    "tuner.exports", {"keras": ExportFormat(convert=Path.read_bytes)}, kind=ExportFormat
)
