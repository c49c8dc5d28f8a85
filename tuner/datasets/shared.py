"""Data that is loaded once on a machine, however many processes train on it.

Prepared arrays (divided, scaled) are written once into a cache folder of the user's, and mapped
into memory by every process that asks for the same data: the pages are there once, and pages that
are not used right now need not be in memory at all. What is in the cache follows from the content
of the source (its fingerprint) and from our own code. Beside it stands which state of which source
it was made of (path, size, time of change): a source that was touched is read and hashed again.
Functions of the user's are always called, for nobody can tell what they will return.

Mapped arrays can be written to, as TensorFlow demands of memory that it shares, but what is
written stays in the process.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from search_spaces.shapes import Inputs
from tuner.datasets import catalogue
from tuner.datasets.arrays import PARTS
from tuner.datasets.data import Data, Part, Selection
from tuner.datasets.encoding import Encoder
from tuner.datasets.errors import DataError
from tuner.datasets.loading import load
from tuner.datasets.pieces import in_memory
from tuner.datasets.scaling import Floats, Scaler
from tuner.datasets.several import SeveralInputs
from tuner.datasets.sources import function, image_folder, npy_folder
from tuner.datasets.spec import DataSpec
from tuner.datasets.task import Targets

FOLDER_VARIABLE = "TUNER_CACHE"
LARGE = 8_000_000  # bytes of prepared arrays; smaller data are loaded sooner than found
OLD = 30 * 86400.0  # seconds since the last use
MOST = 50_000_000_000  # bytes of all data in the cache
SPARE = 2  # times its size that must be free on the disk
SMALL = "small"  # in place of an entry's name

_ARRAYS = tuple(field.name for field in dataclasses.fields(Part))
_SCALERS = ("scaler", "target_scaler")


def load_shared(spec: DataSpec) -> Data:
    """As ``load``, but arrays of some size are mapped from a cache, which is filled if need be.

    Raises:
        DataError: As ``load``.
    """
    state = _state(spec)
    found = None if state is None else _find(spec, state)
    if found is not None:
        return found
    with _alone(state):
        found = None if state is None else _find(spec, state)
        return found or _load(spec, state)


def clear(*, older_than: float = 0.0, dry_run: bool = False) -> list[str]:
    """Removes data that was not used for some seconds; returns what was found.

    Processes that have them mapped keep them.
    """
    now, found = time.time(), []
    for entry in _entries():
        if now - _used(entry) >= older_than:
            found.append(str(entry))
            if not dry_run:
                _remove(entry)
    notes = [path for kind in ("states", "locks") for path in (folder() / kind).glob("*")]
    for note in notes:
        if not dry_run and now - _used(note) >= older_than:
            note.unlink(missing_ok=True)
    return found


def folder() -> Path:
    """Where the cache is: ``TUNER_CACHE``, else among the user's caches."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "keras-trial-tuner"


def _load(spec: DataSpec, state: str | None) -> Data:
    """Loads, and keeps what is large; where that is not possible the data are simply used."""
    with _scratch() as scratch:
        data = load(spec, allocate=scratch.allocate)
        large = sum(part.x.nbytes + part.y.nbytes for part in _parts(data).values()) >= LARGE
        try:
            name = _keep(data, scratch) if large else SMALL
            if state is not None and state == _state(spec):  # not changed while it was read
                _write_state(state, name)
            return _open(name, spec) if large else data
        except (OSError, ValueError, KeyError):
            return data  # files that are mapped stay there for us


@dataclass
class Scratch:
    """Where arrays are written before anybody else sees them.

    Attributes:
        folder: Made when it is needed.
    """

    folder: Path | None = None

    def open(self) -> Path:
        """Returns the folder, which is made if need be."""
        if self.folder is None:
            base = folder() / "data"
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix=".draft-", dir=base))
        return self.folder

    def allocate(self, shape: tuple[int, ...]) -> Floats:
        """Returns an array to be filled: in a file if it is large and the disk has room."""
        size = math.prod(shape) * np.dtype(np.float32).itemsize
        if size < LARGE:
            return in_memory(shape)
        try:
            path = self.open() / f"{uuid.uuid4().hex}.rows"
            _make_room(size)
            array = open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
            with path.open("rb+") as file:
                # Room for all of it now: a disk that is full later would kill the process.
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


def _find(spec: DataSpec, state: str) -> Data | None:
    try:
        name = (folder() / "states" / state).read_text()
        return load(spec) if name == SMALL else _open(name, spec)
    except (OSError, ValueError, KeyError):
        return None  # not there, or damaged: it is made again


def _open(name: str, spec: DataSpec) -> Data:
    """Maps an entry."""
    entry = folder() / "data" / name
    facts = json.loads((entry / "facts.json").read_text())
    arrays = {path.stem: np.load(path, mmap_mode="c") for path in entry.glob("*.npy")}
    os.utime(entry)
    parts: dict[str, Any] = {
        part: Part(**{n: arrays[f"{part}-{n}"] for n in _ARRAYS if f"{part}-{n}" in arrays})
        for part in PARTS
    }
    scalers: dict[str, Any] = {name: _scaler(arrays, name) for name in _SCALERS}
    kept = facts["several"]
    several = None if kept is None else SeveralInputs.from_dict(kept)
    targets = _targets(facts)
    named: dict[str, Any] = {
        name: None if facts[name] is None else tuple(facts[name])
        for name in ("classes", "columns", "class_weights", "targets")
    }
    return Data(
        name=spec.name,
        inputs=Inputs(
            shape=parts["train"].x.shape[1:],
            vocabulary=facts["vocabulary"],
            shapes=None if several is None else several.shapes,
        ),
        several=several,
        outputs=targets.outputs,
        heads=targets.heads,
        **named,
        **parts,
        **scalers,
        selections=_Later(spec, facts["fingerprint"]),
        fingerprint=facts["fingerprint"],
        encoder=None if facts["encoder"] is None else Encoder.from_dict(facts["encoder"]),
    )


def _targets(facts: Mapping[str, Any]) -> Targets:
    """What is predicted, and by each of several outputs."""
    classes, names, heads = (facts.get(name) for name in ("classes", "targets", "heads"))
    return Targets(
        task=facts["task"],
        units=facts["units"],
        classes=None if classes is None else np.array(classes),
        names=None if names is None else tuple(names),
        heads=None if heads is None else {name: _targets(one) for name, one in heads.items()},
    )


def _facts(head: Targets) -> dict[str, Any]:
    return {
        "task": head.task,
        "units": head.units,
        "classes": head.labels,
        "targets": head.names,
    }


def _keep(data: Data, scratch: Scratch) -> str:
    """Writes an entry unless it is there; returns its name."""
    facts = {
        "vocabulary": data.inputs.vocabulary,
        "task": data.outputs.task,
        "units": data.outputs.units,
        "heads": {name: _facts(head) for name, head in data.heads.items()} if data.heads else None,
        "classes": data.classes,
        "columns": data.columns,
        "targets": data.targets,
        "class_weights": data.class_weights,
        "several": None if data.several is None else data.several.to_dict(),
        "encoder": None if data.encoder is None else data.encoder.to_dict(),
        "fingerprint": data.fingerprint,
    }
    name = _hash(_code(), facts)
    base = folder() / "data"
    if (base / name).is_dir():
        return name
    arrays, draft = _arrays(data), scratch.open()
    _make_room(sum(array.nbytes for array in arrays.values()))
    for key, array in arrays.items():
        _write(draft / f"{key}.npy", array)
    (draft / "facts.json").write_text(json.dumps(facts))
    with suppress(FileExistsError):  # somebody else was as fast
        draft.rename(base / name)
    return name


def _arrays(data: Data) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name, part in _parts(data).items():
        arrays |= {f"{name}-{key}": array for key, array in part.arrays.items()}
    for name in _SCALERS:
        scaler = getattr(data, name)
        if scaler is not None:
            arrays |= {f"{name}-centre": scaler.centre, f"{name}-spread": scaler.spread}
    return arrays


def _parts(data: Data) -> dict[str, Part]:
    return {part: getattr(data, part) for part in PARTS}


def _scaler(arrays: Mapping[str, Any], name: str) -> Scaler | None:
    if f"{name}-centre" not in arrays:
        return None
    return Scaler(
        centre=np.array(arrays[f"{name}-centre"]), spread=np.array(arrays[f"{name}-spread"])
    )


def _write(path: Path, array: Any) -> None:
    file = getattr(array, "filename", None)
    if path.stem.endswith("-x") and file is not None and file.parent == path.parent:
        array.flush()
        os.rename(file, path)
    else:
        with path.open("xb") as stream:
            np.save(stream, array)
    with path.open("rb") as stream:
        os.fsync(stream.fileno())  # else a machine that fails may leave an entry full of zeros
    path.chmod(0o400)


def _state(spec: DataSpec) -> str | None:
    """Names the source as it is now; None where nobody can tell what it will bring."""
    if catalogue.find_loader(spec.source) is function:
        return None
    sources = [*([spec.source] if spec.is_path else []), *spec.given.values()]
    try:
        changed = [_as_it_is(path) for source in sources for path in _files(source)]
    except OSError:
        return None
    return _hash(_code(), spec.resolve().to_dict(), changed)


def _files(source: str) -> list[Path]:
    path, _ = image_folder.cut(source)
    if not path.is_dir():
        return [path]
    return [path, *npy_folder.files(source).values(), *image_folder.files(source)]


def _as_it_is(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _write_state(state: str, name: str) -> None:
    path = folder() / "states" / state
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{state}.{os.getpid()}")
    draft.write_text(name)
    draft.replace(path)


@contextmanager
def _alone(state: str | None) -> Iterator[None]:
    """Lets one process at a time load a source; the others will find it in the cache."""
    try:
        import fcntl

        if state is None:
            raise OSError
        place = folder() / "locks"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (place / state).open("w")
    except (ImportError, OSError):  # then each loads for itself
        yield
        return
    with lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_room(size: int) -> None:
    """Removes what is old, and what was used longest ago, to hold so many bytes more.

    Raises:
        OSError: The disk is too full.
    """
    clear(older_than=OLD)
    whole = (entry for entry in _entries() if not entry.name.startswith("."))
    entries = sorted(whole, key=_used)  # drafts are somebody's work
    total = size + sum(map(_size, entries))
    for entry in entries:
        if total <= MOST:
            break
        total -= _size(entry)
        _remove(entry)
    if shutil.disk_usage(folder()).free < SPARE * size:
        raise OSError("too little room")


def _entries() -> list[Path]:
    base = folder() / "data"
    return [path for path in base.iterdir() if path.is_dir()] if base.is_dir() else []


def _used(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return time.time()


def _size(entry: Path) -> int:
    with suppress(OSError):
        return sum(path.stat().st_size for path in entry.iterdir())
    return 0


def _remove(entry: Path) -> None:
    """Removes an entry as a whole: nobody finds half of it."""
    gone = entry.with_name(f".gone-{entry.name}")
    with suppress(OSError):
        entry.rename(gone)
    for path in (gone, entry):
        shutil.rmtree(path, ignore_errors=True)


@cache
def _code() -> str:
    """What the numbers follow from beside the source: our code, and the libraries'."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    for package in ("numpy", "pandas", "scikit-learn"):
        digest.update(metadata.version(package).encode())
    return digest.hexdigest()


def _hash(*values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


class _Later(Mapping[str, Selection]):
    """The raw rows, which are read from their source when somebody asks for them."""

    def __init__(self, spec: DataSpec, fingerprint: str) -> None:
        self._spec, self._fingerprint = spec, fingerprint
        self._read: Mapping[str, Selection] | None = None

    def __getitem__(self, part: str) -> Selection:
        return self._selections()[part]

    def __iter__(self) -> Iterator[str]:
        return iter(PARTS)

    def __len__(self) -> int:
        return len(PARTS)

    def __contains__(self, part: object) -> bool:
        return part in PARTS

    def _selections(self) -> Mapping[str, Selection]:
        if self._read is None:
            data = load(self._spec)
            if data.fingerprint != self._fingerprint:
                raise DataError(
                    f"Expected {self._spec.source} as it was a moment ago. Received other rows: "
                    "it was changed meanwhile."
                )
            self._read = data.selections
        return self._read
