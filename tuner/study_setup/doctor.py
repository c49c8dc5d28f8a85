"""What a machine has and lacks for tuning, found out before a study depends on it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Literal

import sqlalchemy as sa

from storage.database import engine
from storage.database import url as urls
from storage.errors import StoreError
from tuner.errors import exit_cause
from tuner.resources import memory
from tuner.resources.cores_and_gpus import cores, visible_gpus
from tuner.study_setup.artifacts_folder import default_folder

PACKAGES = ("tensorflow", "keras", "optuna", "optuna-dashboard", "sqlalchemy")
ROOM = 2 * 10**9  # bytes that models and checkpoints may well take
WORKER = 10**9  # bytes that a worker holds at least, most of it TensorFlow
SLOW = 0.05  # seconds of a transaction, of which every epoch is one
FAR = ("nfs", "cifs", "smb", "fuse.sshfs", "9p")  # file systems that other machines serve
LOOK = (
    "import tensorflow as tf\n"
    "tf.constant([[1.0]]) @ tf.constant([[1.0]])\n"
    "print(len(tf.config.list_physical_devices('GPU')))\n"
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        state: ``"ok"``; ``"note"``, which works, but not well; or ``"bad"``, which does not.
        told: What was found, and what to do about it.
    """

    what: str
    state: Literal["ok", "note", "bad"]
    told: str


def examine(storage: str, artifacts: str | None = None) -> Iterator[Finding]:
    """Looks at this machine, a store and a place for models, one after another.

    Args:
        storage: The store's address; nothing is made where there is none yet.
        artifacts: A folder or URL; None takes what ``launch`` would.
    """
    yield _programs()
    yield _processors()
    yield from _memory()
    yield _tensorflow()
    yield from _store(storage)
    yield _place(artifacts or default_folder(storage))


def _programs() -> Finding:
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            text = f"{name} is not installed: pip install -c constraints.txt ."
            return Finding(what="programs", state="bad", told=text)
    text = ", ".join(f"{name} {number}" for name, number in versions.items())
    return Finding(what="programs", state="ok", told=text)


def _processors() -> Finding:
    gpus = len(visible_gpus())
    text = f"{cores()} cores, {gpus or 'no'} GPU{'' if gpus == 1 else 's'}"
    return Finding(what="processors", state="ok", told=text)


def _memory() -> Iterator[Finding]:
    free = memory.available()
    if free is None:
        return
    workers = free // WORKER
    text = f"{free / 1e9:.1f} GB free"
    if workers < cores():
        text += f": enough for about {workers} workers; start no more of them"
        yield Finding(what="memory", state="note", told=text)
    else:
        yield Finding(what="memory", state="ok", told=text)


def _tensorflow() -> Finding:
    began = time.monotonic()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    ended = subprocess.run(
        [sys.executable, "-c", LOOK],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    took = time.monotonic() - began
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or [exit_cause(ended.returncode)])[-1]
        return Finding(what="tensorflow", state="bad", told=f"it does not start: {last}")
    seen, there = int(ended.stdout.split()[-1]), len(visible_gpus())
    if seen < there:
        text = f"it sees {seen} of {there} GPUs: pip install 'tensorflow[and-cuda]'"
        return Finding(what="tensorflow", state="note", told=text)
    return Finding(what="tensorflow", state="ok", told=f"starts in {took:.1f} s")


def _store(storage: str) -> Iterator[Finding]:
    try:
        url = urls.parse(storage)
        shown = urls.redact(url)
        if url.get_backend_name() == "sqlite":
            path = Path(url.database or "")
            if not path.exists():
                yield Finding(what="store", state="ok", told=f"{shown}, made by the first launch")
                return
            yield from _far(path)
        store = engine.open_store(storage, create=False)
    except StoreError as e:
        yield Finding(what="store", state="bad", told=str(e))
        return
    try:
        took = median(_transaction(store) for _ in range(5))
    finally:
        store.close()
    text = f"{shown} answers in {took * 1e3:.1f} ms"
    if took > SLOW:
        text += ": every epoch waits so long for its report, so bring workers closer to it"
    yield Finding(what="store", state="note" if took > SLOW else "ok", told=text)


def _transaction(store: engine.Store) -> float:
    began = time.perf_counter()
    with store.write() as c:
        c.execute(sa.select(store.now)).all()
    return time.perf_counter() - began


def _far(path: Path) -> Iterator[Finding]:
    kind = _filesystem(path.resolve())
    if kind is not None and kind.startswith(FAR):
        text = f"{path} lies on {kind}, where SQLite's locks may not hold: use PostgreSQL"
        yield Finding(what="store", state="note", told=text)


def _filesystem(path: Path) -> str | None:
    """The kind of file system that holds a path, as Linux calls it."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return None
    holding = [(Path(words[1]), words[2]) for words in mounts]
    mounted = [(place, kind) for place, kind in holding if path.is_relative_to(place)]
    return max(mounted, key=lambda mount: len(mount[0].parts))[1] if mounted else None


def _place(artifacts: str) -> Finding:
    if "://" in artifacts:
        text = f"{artifacts}: each launch looks whether it can be written"
        return Finding(what="models", state="ok", told=text)
    path = Path(artifacts).expanduser().resolve()
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as e:
        text = f"{path} cannot be written ({e.strerror}): choose another with --artifacts"
        return Finding(what="models", state="bad", told=text)
    text = f"{path}, {free / 1e9:.1f} GB free"
    if free < ROOM:
        return Finding(what="models", state="note", told=f"{text}: make room, or use --artifacts")
    return Finding(what="models", state="ok", told=text)
