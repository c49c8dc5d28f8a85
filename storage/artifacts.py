"""Files of a study (checkpoints, models) in a local folder or at any fsspec URL.

A file is written once, under a name of its own, and counts only when a row of the database
points to it with its checksum. So nothing here needs to be atomic.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import fsspec

from storage.errors import StoreError
from storage.studies import Study

MARKER = "study.txt"
CHUNK = 1 << 20  # bytes read at once


@dataclass(frozen=True, kw_only=True)
class SavedFile:
    """A file that was written: its path or URL, the SHA-256 of its bytes, its size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Usage:
    """How much room files take, in bytes."""

    files: int = 0
    size: int = 0

    def more(self, size: int) -> Usage:
        """With one more file."""
        return Usage(self.files + 1, self.size + size)


class DamagedFile(Exception):
    """The bytes of a file are not those that were written."""


class Artifacts:
    """The folder of one study.

    Args:
        base: A local path or an fsspec URL (``s3://bucket/folder``), the same for all workers.
        study: Its UUID names the folder: a later study of the same name gets another.
    """

    def __init__(self, base: str, study: Study) -> None:
        self._fs, root = _open(base)
        self._root = f"{root.rstrip('/')}/{study.uuid}"
        self._study = study.name

    def mark(self) -> None:
        """Makes the folder with the marker that tells a worker that it is the right one.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            self._fs.makedirs(self._root, exist_ok=True)
            self._fs.pipe_file(f"{self._root}/{MARKER}", f"{self._study}\n".encode())
        except OSError as e:
            raise StoreError(
                f"Expected a folder for models and checkpoints that can be written. "
                f"Received: {self._shown(self._root)} ({e}). Choose another with --artifacts."
            ) from e

    def check(self) -> None:
        """Checks that this worker reaches the folder.

        Raises:
            StoreError: The marker is not there.
        """
        if not self._fs.exists(f"{self._root}/{MARKER}"):
            raise StoreError(
                f"Expected the study's folder {self._shown(self._root)} to be reached from here. "
                "It is not: mount it at this path, or launch with an --artifacts URL "
                "that every machine reaches."
            )

    def save(self, name: str, write: Callable[[Path], None]) -> SavedFile:
        """Writes a file.

        Args:
            name: Its path inside the folder; never used before.
            write: Is given a local path with the same ending, and writes there.

        Raises:
            OSError: The disk is full, or the place cannot be written.
        """
        with tempfile.TemporaryDirectory(prefix="tuner-") as folder:
            local = Path(folder) / Path(name).name
            write(local)
            checksum, size = _sha256(local), local.stat().st_size
            target = f"{self._root}/{name}"
            self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            try:
                self._fs.put_file(str(local), target)
            except OSError:
                self.remove([target])  # half a file is of no use
                raise
        return SavedFile(path=self._shown(target), sha256=checksum, size=size)

    @contextmanager
    def local(self, path: str, sha256: str | None = None) -> Iterator[Path]:
        """A local copy of a file, for as long as the block lasts.

        Raises:
            DamagedFile: Its checksum is not ``sha256``.
            OSError: It cannot be read.
        """
        with tempfile.TemporaryDirectory(prefix="tuner-") as folder:
            copy = Path(folder) / Path(path).name
            self._fs.get_file(path, str(copy))
            if sha256 is not None and _sha256(copy) != sha256:
                raise DamagedFile(f"{path} is not what was written there.")
            yield copy

    def open(self, path: str) -> tuple[BinaryIO, int]:
        """A file to read from, and its size in bytes.

        Raises:
            OSError: It cannot be read.
        """
        size = int(self._fs.size(path))
        file: BinaryIO = self._fs.open(path, "rb")
        return file, size

    def usage(self) -> dict[str, Usage]:
        """Files and bytes by what they are: ``models``, ``checkpoints``, ...

        Raises:
            OSError: The folder cannot be read.
        """
        listed = self._fs.find(self._root, detail=True) if self._fs.exists(self._root) else {}
        inside = len(self._fs._strip_protocol(self._root).rstrip("/")) + 1
        found: dict[str, Usage] = {}
        for path, details in listed.items():
            kind, slash, _ = path[inside:].partition("/")
            if slash:
                found[kind] = found.get(kind, Usage()).more(int(details.get("size") or 0))
        return found

    def remove(self, paths: Iterable[str]) -> None:
        """Removes files; those that are gone already are passed over."""
        for path in paths:
            with suppress(OSError):
                self._fs.rm_file(path)

    def named(self, start: str) -> list[str]:
        """Files whose path inside the folder begins so."""
        folder, _, prefix = f"{self._root}/{start}".rpartition("/")
        try:
            listed = self._fs.ls(folder, detail=False, refresh=True)
        except FileNotFoundError:
            return []
        paths = [str(path) for path in listed]
        return [self._shown(p) for p in paths if p.rpartition("/")[2].startswith(prefix)]

    def files(self, *, older_than: float) -> list[str]:
        """Models and checkpoints last written so many seconds ago or earlier, by name."""
        listed = self._fs.find(self._root, detail=True) if self._fs.exists(self._root) else {}
        return sorted(
            self._shown(path)
            for path, details in listed.items()
            if not path.endswith(f"/{MARKER}") and _age(details) >= older_than
        )

    def remove_all(self) -> None:
        """Removes the whole folder."""
        with suppress(FileNotFoundError):
            self._fs.rm(self._root, recursive=True)

    def _shown(self, path: str) -> str:
        """A plain path where it is local, else with its protocol."""
        return str(self._fs.unstrip_protocol(path)).removeprefix("file://")


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A study's folder, whether or not the study still exists."""

    path: str
    uuid: str
    filesystem: Any

    def remove(self) -> None:
        """Removes it with all that is in it."""
        with suppress(FileNotFoundError):
            self.filesystem.rm(self.path, recursive=True)


def folders(base: str, *, older_than: float) -> list[Folder]:
    """The folders of studies below a place whose marker was written so many seconds ago.

    Anything that holds no marker of ours is not a study's folder and is left alone.
    """
    filesystem, root = _open(base)
    markers = filesystem.glob(f"{root.rstrip('/')}/*/{MARKER}", detail=True)
    return [
        Folder(path=path.rpartition("/")[0], uuid=path.split("/")[-2], filesystem=filesystem)
        for path, details in sorted(markers.items())
        if _age(details) >= older_than
    ]


def _age(details: Mapping[str, Any]) -> float:
    """Seconds since a file was last written; 0 where the file system does not say."""
    written = details.get("mtime") or details.get("LastModified") or time.time()
    return time.time() - (written if isinstance(written, float) else written.timestamp())


def check_place(base: str) -> None:
    """Checks a place by its text alone, before anything is made.

    Raises:
        StoreError: It is no folder or URL, or the driver for such URLs is missing.
    """
    _open(base)


def _open(base: str) -> tuple[Any, str]:
    try:
        filesystem, root = fsspec.url_to_fs(base)
    except (ImportError, ValueError) as e:
        raise StoreError(
            f"Expected a folder or an fsspec URL for models and checkpoints. "
            f"Received: {base!r} ({e})."
        ) from e
    return filesystem, root


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
