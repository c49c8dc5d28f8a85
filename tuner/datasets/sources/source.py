"""What a source of data is: how it is named, what it holds, and how its rows are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tuner.datasets.data_spec import DataSpec
from tuner.datasets.raw_data import Arrays
from tuner.datasets.sources.dataset_facts import DatasetFacts


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A kind of source.

    Attributes:
        form: How such a source is written on the command line.
        summary: What it must hold, in a few words.
        accepts: Whether a source is of this kind, judged by its text alone.
        read: Returns the raw arrays, or raises DataError.
        takes_target: Whether ``DataSpec.target`` and other options of columns mean anything to it;
            where a target is named, ``read`` brings the parts of ``DataSpec.given`` too.
        takes_parts: Whether the user may bring parts, which are read as further sources.
        part_like: The part as it is read, from its text and that of the source.
        needs_keras: Whether reading it imports TensorFlow, or may do so.
        sets: What is known of those that need no file, by name.
        read_rows: Reads so many rows, which are made up; None where ``NAME:N`` cuts what is there.
        files: All files and folders that decide the rows; None where nobody can tell whether they
            are what they were, so that they are prepared anew for each study.
    """

    form: str
    summary: str
    accepts: Callable[[str], bool]
    read: Callable[[DataSpec], Arrays]
    takes_target: bool = False
    takes_parts: bool = True
    part_like: Callable[[str, str], str] = lambda part, source: part
    needs_keras: bool = True
    sets: Mapping[str, DatasetFacts] = field(default_factory=dict)
    read_rows: Callable[[DataSpec, int], Arrays] | None = None
    files: Callable[[str], Sequence[Path]] | None = None


def one_file(source: str) -> list[Path]:
    """The ``files`` of a source that is one."""
    return [Path(source).expanduser()]


def no_file(source: str) -> list[Path]:
    """The ``files`` of a source that always has the same rows."""
    return []
