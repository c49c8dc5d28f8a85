"""Cache of prepared data on disk, memory-mapped by all processes of a machine.

Split and scaled arrays are written once and then mapped, so all processes share the same pages.
The cache folder holds:

- ``data/KEY/``: one entry; ``KEY`` hashes the data's fingerprint and settings, and our code.
- ``states/KEY``: name of the entry for a source as it is now; ``KEY`` hashes the spec and inode,
  size and modification time of its files. A changed file gets another key, so is read again.
- ``locks/KEY``: held by the process that is reading that source.

User functions are always called: what they return cannot be known from their file. Only other
combinations of a function's arguments are taken from the cache, whatever their size, by the hash of
its file and of the data that it returned for the defaults just now. What a space makes of rows is
kept as well, as long as the files in its folder stay the same.

Arrays are mapped copy-on-write: TensorFlow wants writable memory, but no write reaches the file.
"""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from search_spaces.user_code import source_files
from search_spaces.user_code.definitions import files_beside
from tuner.datasets.cache_folder import cache_folder
from tuner.datasets.cache_room import make_room
from tuner.datasets.cached_entry import code_digest, key_of, open_entry, parts_of, write_entry
from tuner.datasets.chunks import in_memory
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.preparation import load
from tuner.datasets.prepared_data import Data
from tuner.datasets.scaling import Floats
from tuner.datasets.sources import source_catalog, user_function

LARGE = 8_000_000  # bytes of prepared arrays; smaller data are faster loaded than looked up
SMALL = "small"  # in ``states``: too small to have an entry


def load_shared(spec: DataSpec, *, reference: str | None = None) -> Data:
    """Returns the same as ``load``; large arrays are memory-mapped from the cache.

    What the cache lacks is loaded and added to it.

    Args:
        spec: The source and how it is split and scaled. Where ``stream`` is None, ``Data.stream``
            tells what was chosen.
        reference: Where these are a combination of a function's arguments: the fingerprint of the
            data of its defaults.

    Raises:
        DataError: As ``load``.
    """
    if spec.stream:
        return load(spec)
    if spec.stream is None and not user_function.accepts(spec.source):
        spec = dataclasses.replace(spec, stream=False)
    state = _source_state(spec, reference)
    cached = None if state is None else _find_cached(spec, state)
    if cached is not None:
        return cached
    with _source_lock(state):
        # Another process may have filled the cache while this one waited for the lock.
        cached = None if state is None else _find_cached(spec, state)
        return cached or _load_and_cache(spec, state, reference)


def _load_and_cache(spec: DataSpec, state: str | None, reference: str | None) -> Data:
    """Loads data and caches large ones; a cache that cannot be written is not an error."""
    with _scratch() as scratch:
        data = load(spec, allocate=scratch.allocate)
        if data.stream is not None:
            return data
        size = sum(part.x.nbytes + part.y.nbytes for part in parts_of(data).values())
        is_function = source_catalog.find_source(spec.source).files is None
        # How long a function takes nobody knows, nor what trials search of preparation.
        takes_long = (reference is not None and is_function) or spec.preparation or spec.space
        worth = size >= LARGE or bool(takes_long and state is not None)
        try:
            name = write_entry(data, spec, scratch.open) if worth else SMALL
            # Not changed while it was read.
            if state is not None and state == _source_state(spec, reference):
                _write_state(state, name)
                if (as_read := spec.as_read(data.found)) != spec:  # what workers will ask for
                    _write_state(_source_state(as_read, reference) or state, name)
            # Mapped from the entry, so that this process shares its pages with the others.
            return open_entry(name, spec) if worth else data
        except (OSError, ValueError, KeyError):
            return data  # a mapped file can be read after its folder is removed


@dataclass
class Scratch:
    """A draft folder, renamed to its final name once it is complete.

    Attributes:
        folder: None until something is written.
    """

    folder: Path | None = None

    def open(self) -> Path:
        """Returns the folder, created on the first call."""
        if self.folder is None:
            base = cache_folder() / "data"
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix=".draft-", dir=base))
        return self.folder

    def allocate(self, shape: tuple[int, ...]) -> Floats:
        """Returns an empty float32 array: a file if it is large and the disk has room.

        Args:
            shape: Of the array.
        """
        size = math.prod(shape) * np.dtype(np.float32).itemsize
        if size < LARGE:
            return in_memory(shape)
        try:
            path = self.open() / f"{uuid.uuid4().hex}.rows"
            make_room(size)
            array = open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
            with path.open("rb+") as file:
                # Reserve the blocks now: on a full disk a write to mapped memory is a SIGBUS.
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            return array
        except OSError:
            return in_memory(shape)


@contextmanager
def _scratch() -> Iterator[Scratch]:
    scratch = Scratch()
    try:
        yield scratch
    finally:
        if scratch.folder is not None:
            shutil.rmtree(scratch.folder, ignore_errors=True)


def _find_cached(spec: DataSpec, state: str) -> Data | None:
    try:
        name = (cache_folder() / "states" / state).read_text()
        return load(spec) if name == SMALL else open_entry(name, spec)
    except (OSError, ValueError, KeyError):
        return None  # not there, or damaged: it is made again


def _source_state(spec: DataSpec, reference: str | None) -> str | None:
    """Hashes spec and file status of a source; None where these do not determine its rows."""
    files = source_catalog.find_source(spec.source).files
    try:
        beside = files_beside(spec.space) if spec.space else []
        of_space = [_file_identity(path) for path in beside]
    except OSError:
        return None
    if files is None and reference is not None:
        code = source_files.fingerprint([spec.source])
        return key_of(code_digest(), spec.resolve().to_dict(), code, reference, *of_space)
    if files is None:
        return None
    try:
        changed = [
            _file_identity(path)
            for source in (spec.source, *spec.given.values())
            for path in files(source)
        ]
    except OSError:
        return None
    return key_of(code_digest(), spec.resolve().to_dict(), changed, *of_space)


def _file_identity(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _write_state(state: str, name: str) -> None:
    path = cache_folder() / "states" / state
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{state}.{os.getpid()}")
    draft.write_text(name)
    draft.replace(path)


@contextmanager
def _source_lock(state: str | None) -> Iterator[None]:
    """Lets one process at a time load a source; the others then find it in the cache."""
    try:
        import fcntl

        if state is None:
            raise OSError
        place = cache_folder() / "locks"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (place / state).open("w")
    except (ImportError, OSError):  # without a lock each process loads for itself
        yield
        return
    with lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
