"""Files of a study (checkpoints, models) in a local folder or at any fsspec URL.

Each file is written once, under a unique name, and counts only when a row of the database points
to it with its checksum. Paths in rows are not trusted: otherwise everybody who can write to the
database could have any file read or deleted.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from storage.database.store_identity import MARKER, of_folder
from storage.errors import StoreError
from storage.files import containment
from storage.files.scratch import left, scratch
from storage.studies import Study

DRAFTS = "drafts"  # files that are being written, each in a temporary folder
CHUNK = 1 << 20  # bytes read at once
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class SavedFile:
    """A file that was written: its path or URL, the SHA-256 of its bytes, its size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Usage:
    """Disk space: the number of files and their total size in bytes."""

    files: int = 0
    size: int = 0

    def more(self, size: int) -> Usage:
        """Returns the sum with one more file."""
        return Usage(self.files + 1, self.size + size)


class DamagedFile(Exception):
    """The checksum of a file is not the recorded one."""


class Artifacts:
    """The folder of one study. Nothing outside of it is read or deleted.

    Args:
        base: A local path or an fsspec URL (``s3://bucket/folder``), the same for all workers.
        study: Its UUID is the folder's name, so that a later study of the same name has another.

    Attributes:
        is_local: Whether it is a folder of this machine's file system.

    Raises:
        StoreError: The UUID is invalid, or there is no driver for such URLs.
    """

    def __init__(self, base: str, study: Study) -> None:
        self._fs, root = open_place(base)
        if not UUID.fullmatch(study.uuid):
            raise StoreError(
                f"Expected a study whose folder has a UUID as its name. Received: "
                f"{study.uuid!r}: somebody has changed its row in the store."
            )
        self._root = f"{root.rstrip('/')}/{study.uuid}"
        self._study, self.is_local = study, containment.is_local(self._fs)

    def mark(self) -> None:
        """Creates the folder with a marker that names its store, unless it exists.

        Raises:
            StoreError: It cannot be written.
        """
        origin, name = self._study.origin, self._study.name
        try:
            if of_folder(self._fs, self._root) is not None:
                return
            self._fs.makedirs(self._root, exist_ok=True)
            marker = containment.entry(self._fs, self._root, f"{self._root}/{MARKER}")
            text = f"{name}\n" if origin is None else origin.write(name)
            self._fs.pipe_file(marker, text.encode())
        except OSError as e:
            raise StoreError(
                f"Expected a folder for models and checkpoints that can be written. "
                f"Received: {self._shown(self._root)} ({e}). Choose another with --artifacts."
            ) from e

    def check(self) -> None:
        """Checks that the folder is reachable from here, and does not belong to another store.

        Raises:
            StoreError: The marker is missing, or names another store.
        """
        if not self._fs.exists(f"{self._root}/{MARKER}"):
            raise StoreError(
                f"Expected the study's folder {self._shown(self._root)} to be reached from here. "
                "It is not: mount it at this path, or launch with an --artifacts URL "
                "that every machine reaches."
            )
        mine, marker = self._study.origin, of_folder(self._fs, self._root)
        if marker is not None and mine is not None and mine.is_anothers(marker):
            raise StoreError(
                f"Expected a study whose files are this store's own. Received: "
                f"{self._study.name!r}, whose files are of the store {marker.place}, of which "
                "this one is a copy: work there, or launch a study of another name here."
            )

    def is_certainly_ours(self) -> bool:
        """Whether the marker names the study's own store: see ``Origin.made``.

        Raises:
            OSError: It cannot be read.
        """
        mine = self._study.origin
        return mine is not None and mine.made(of_folder(self._fs, self._root))

    def may_be_ours(self) -> bool:
        """Whether the marker names the study's own store, or none: see ``Origin.may_have_made``.

        Raises:
            OSError: It cannot be read.
        """
        mine = self._study.origin
        return mine is None or mine.may_have_made(of_folder(self._fs, self._root))

    def save(self, name: str, write: Callable[[Path], None]) -> SavedFile:
        """Writes a file atomically: others see nothing, or the complete file.

        Args:
            name: Its path inside the folder, never used before.
            write: Called with a local path of the same file extension, to write the file there.

        Returns:
            Path, checksum and size.

        Raises:
            OSError: The disk is full, or the place cannot be written.
        """
        target = containment.entry(self._fs, self._root, f"{self._root}/{name}")
        self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        with self._draft(Path(name).name) as local:
            write(local)
            checksum, size = sha256_of(local), local.stat().st_size
            if self.is_local:
                os.replace(local, target)
            else:
                self._upload(local, target)
        return SavedFile(path=self._shown(f"{self._root}/{name}"), sha256=checksum, size=size)

    @contextmanager
    def _draft(self, name: str) -> Iterator[Path]:
        """A path to write a file to first; on the target's disk if that is local."""
        base = None
        if self.is_local:
            draft = containment.entry(self._fs, self._root, f"{self._root}/{DRAFTS}/{name}")
            # Renaming is atomic within a file system only.
            base = os.path.dirname(draft)
            os.makedirs(base, exist_ok=True)
        with scratch(base) as folder:
            yield folder / name

    def _upload(self, local: Path, target: str) -> None:
        try:
            self._fs.put_file(str(local), target)
        except OSError:
            self.remove([target])  # remove what was uploaded
            raise

    @contextmanager
    def local(self, path: str, sha256: str | None = None) -> Iterator[Path]:
        """A local copy of a file, deleted at the end of the block.

        Args:
            path: Path or URL, as `save` returned it.
            sha256: Expected checksum; None to accept any.

        Raises:
            DamagedFile: Its checksum is not ``sha256``.
            OSError: It cannot be read, or lies outside of the folder.
        """
        checked = containment.file(self._fs, self._root, path)
        with scratch() as folder:
            copy = folder / Path(path).name
            self._fs.get_file(checked, str(copy))
            if sha256 is not None and sha256_of(copy) != sha256:
                raise DamagedFile(f"{path} is not what was written there.")
            yield copy

    def usage(self) -> dict[str, Usage]:
        """Returns disk space by kind of file: ``models``, ``checkpoints``, ...

        Raises:
            OSError: The folder cannot be read.
        """
        usage: dict[str, Usage] = {}
        for path, details in self._listed():
            kind, slash, _ = self._below(path).partition("/")
            if slash:
                usage[kind] = usage.get(kind, Usage()).more(int(details.get("size") or 0))
        return usage

    def remove(self, paths: Iterable[str]) -> None:
        """Deletes files; ignores missing ones and paths outside of the folder."""
        for path in paths:
            with suppress(OSError):
                self._fs.rm_file(containment.entry(self._fs, self._root, path))

    def named(self, start: str) -> list[str]:
        """Returns the files whose path inside the folder starts with ``start``."""
        folder, _, prefix = f"{self._root}/{start}".rpartition("/")
        try:
            listed = self._fs.ls(folder, detail=False, refresh=True)
        except FileNotFoundError:
            return []
        paths = [str(path) for path in listed]
        return [self._shown(p) for p in paths if p.rpartition("/")[2].startswith(prefix)]

    def files(self, *, older_than: float) -> list[str]:
        """Returns models and checkpoints that are older than this many seconds, by name."""
        return sorted(
            self._shown(path)
            for path, details in self._listed()
            if self._below(path) != MARKER
            and not self._below(path).startswith(f"{DRAFTS}/")
            and age(details) >= older_than
        )

    def drafts(self, *, older_than: float) -> list[Path]:
        """Returns folders of unfinished files that were not written to for this many seconds."""
        try:
            draft = containment.entry(self._fs, self._root, f"{self._root}/{DRAFTS}/any")
        except containment.OutsideFolder:
            return []
        return left(os.path.dirname(draft), older_than=older_than) if self.is_local else []

    def remove_all(self) -> None:
        """Deletes the whole folder.

        Raises:
            StoreError: The marker does not name the study's store; nothing was deleted.
            OSError: It cannot be removed.
        """
        if not self._fs.exists(self._root):
            return
        if not self._fs.exists(f"{self._root}/{MARKER}") or not self.may_be_ours():
            raise StoreError("another store made them, or nobody knows which one")
        containment.remove_tree(self._fs, self._root)

    def _listed(self) -> list[tuple[str, dict[str, Any]]]:
        """Returns all files in the folder, with the file system's details."""
        there = self._fs.exists(self._root) and not containment.leads_away(self._fs, self._root)
        return list(self._fs.find(self._root, detail=True).items()) if there else []

    def _below(self, path: str) -> str:
        """Returns the path of a listed file relative to the folder."""
        return path[len(self._fs._strip_protocol(self._root).rstrip("/")) + 1 :]

    def _shown(self, path: str) -> str:
        """Returns a plain path if it is local, else a URL."""
        return str(self._fs.unstrip_protocol(path)).removeprefix("file://")


def age(details: Mapping[str, Any]) -> float:
    """Returns seconds since the last write of a file; 0 if the file system does not say."""
    written = details.get("mtime") or details.get("LastModified") or time.time()
    return time.time() - (written if isinstance(written, float) else written.timestamp())


def check_place(base: str) -> None:
    """Checks a folder or URL by its text alone, before anything is created.

    Raises:
        StoreError: It is not a folder or URL, or the driver for such URLs is missing.
    """
    open_place(base)


def open_place(base: str) -> tuple[Any, str]:
    """Returns the fsspec file system and the path of a folder or URL.

    Raises:
        StoreError: See ``check_place``.
    """
    try:
        filesystem, root = fsspec.url_to_fs(base)
    except (ImportError, ValueError) as e:
        raise StoreError(
            f"Expected a folder or an fsspec URL for models and checkpoints. "
            f"Received: {base!r} ({e})."
        ) from e
    return filesystem, root


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
