"""Code of the user's own: a file or a module, loaded by name and known by its sha256."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from search_spaces.errors import SpaceError, did_you_mean
from search_spaces.user_code.isolation import user_code_errors
from search_spaces.user_code.process_state import CONFIGURATION

LARGEST = 10_000_000  # bytes of a file of code


def file_of(name: str) -> Path | None:
    """Returns the absolute path of the file in ``path/file.py:name``; None for other names."""
    place, _, _ = name.rpartition(":")
    # A link keeps its own name: that of its target may not end in .py.
    return Path(os.path.abspath(os.path.expanduser(place))) if place.endswith(".py") else None


def absolute_name(name: str) -> str:
    """Returns the name with the path in it made absolute, to be loaded from any folder."""
    path = file_of(name)
    return name if path is None else f"{path}:{name.rpartition(':')[2]}"


def short_name(name: str) -> str:
    """Returns what ``path/file.py:name`` is called in the file; other names as they are."""
    return name if file_of(name) is None else name.rpartition(":")[2]


def brief(name: str) -> str:
    """Returns ``file.py:name`` of ``path/file.py:name``; other names as they are."""
    path = file_of(name)
    return name if path is None else f"{path.name}:{short_name(name)}"


def fingerprint(names: Iterable[str]) -> str | None:
    """Returns the sha256 of the files in such names, in hexadecimal; None where there are none.

    Raises:
        SpaceError: a file cannot be read.
    """
    files = [path for path in map(file_of, names) if path is not None]
    return _sha256(b"".join(_sha256(read(path)).encode() for path in files)) if files else None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A loaded file."""

    path: Path
    sha256: str
    module: ModuleType

    def attribute(self, name: str) -> Any:
        """Returns what the file calls ``name``.

        Raises:
            SpaceError: there is no such name.
        """
        if not hasattr(self.module, name):
            hint = did_you_mean(name, vars(self.module))
            raise SpaceError(f"Expected {name!r} in {self.path}. Received no such name.{hint}")
        return getattr(self.module, name)

    def sha256_of(self, item: Any) -> str:
        """Returns the sha256 of the file that defines a class, function or object found here.

        Raises:
            SpaceError: No file in Python does.
        """
        item = getattr(item, "func", item)  # of a functools.partial
        item = getattr(item, "__func__", item)  # of a method
        if not inspect.isclass(item) and not inspect.isfunction(item):
            item = type(item)
        if item.__module__ == self.module.__name__:
            return self.sha256
        try:
            return _sha256(Path(inspect.getfile(item)).read_bytes())
        except (TypeError, OSError) as e:  # such as one of Python's own
            raise SpaceError(
                f"Expected code that is defined in a Python file. Received: {item.__name__} of "
                f"{item.__module__}, which {self.path.name} names."
            ) from e


def load_file(path: Path) -> Source:
    """Runs a Python file as a module of its own, which may import its neighbours.

    What runs is exactly what is hashed: no cached bytecode is read or left behind.

    Raises:
        SpaceError: the file cannot be read, or running it raises.
    """
    path = path.expanduser().resolve()
    code = read(path)
    _make_importable(path.parent)
    name = f"user_file_{_sha256(str(path).encode())[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # where dataclasses and inspect look their module up
    with user_code_errors(f"Loading {path.name}", str(path), keep=CONFIGURATION), _argv(path):
        exec(compile(code, str(path), "exec"), vars(module))
    return Source(path=path, sha256=_sha256(code), module=module)


@contextmanager
def _argv(path: Path) -> Iterator[None]:
    """The command line that ``python file.py`` has: options of a script get their defaults."""
    before, sys.argv = sys.argv, [str(path)]
    try:
        yield
    finally:
        sys.argv = before


def load_module(name: str) -> Source:
    """Imports an installed module, or one of the current folder.

    Raises:
        SpaceError: there is no such module, or importing it raises.
    """
    _make_importable(Path.cwd())
    with user_code_errors(f"Importing {name}", "", keep=CONFIGURATION):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as e:
            if e.name and f"{name}.".startswith(f"{e.name}."):
                raise SpaceError(
                    f"Expected a module that is installed or in {Path.cwd()}. Received: {name!r}."
                ) from e
            raise
        path = Path(inspect.getfile(module))
        return Source(path=path, sha256=_sha256(path.read_bytes()), module=module)


def check_files(names: Iterable[str]) -> None:
    """Checks that the files in such names can be read, without running them.

    Raises:
        SpaceError: one is no file, too large or not readable.
    """
    for path in {path for path in map(file_of, names) if path is not None}:
        read(path)


def read(path: Path) -> bytes:
    """Returns the bytes of a file of code.

    Raises:
        SpaceError: it cannot be read, is no file, or is far too large.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # never opened: a pipe could wait for ever
            raise SpaceError(f"Expected a Python file. Received: {path}, which is no file.")
        if status.st_size > LARGEST:
            raise SpaceError(
                f"Expected a Python file of at most {LARGEST:,} bytes. "
                f"Received: {path} of {status.st_size:,}."
            )
        return path.read_bytes()
    except OSError as e:
        raise SpaceError(
            f"Expected a readable Python file. Received: {path} ({e.strerror})."
        ) from e


def _make_importable(folder: Path) -> None:
    """Appends, never prepends: a user's ``storage/`` must not hide ours."""
    if os.fspath(folder) not in sys.path:
        sys.path.append(os.fspath(folder))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
