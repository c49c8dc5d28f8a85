"""Checks that a path is inside a folder: paths from the database may point anywhere."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from fsspec.implementations.local import LocalFileSystem


class OutsideFolder(OSError):
    """A path leads out of its folder, or is not a regular file."""


def is_local(filesystem: Any) -> bool:
    """Whether this is the file system of this machine, which may have symbolic links."""
    return isinstance(filesystem, LocalFileSystem)


def entry(filesystem: Any, folder: str, path: str) -> str:
    """Checks a path to write or delete; if it is a symbolic link, the link itself is meant.

    Args:
        filesystem: An fsspec file system.
        folder: The folder, not a link itself.
        path: The untrusted path, with or without a protocol.

    Returns:
        The path, without protocol and without links in its folders.

    Raises:
        OutsideFolder: It is not inside the folder.
    """
    if "\0" in path:
        raise OutsideFolder(f"{path!r} is no path")
    root, target = (str(filesystem._strip_protocol(str(value))) for value in (folder, path))
    if is_local(filesystem):
        root, target = _resolve_folders(root), _resolve_folders(target)
    # Not starting with the folder, or with empty or dotted parts: not inside.
    below = target.removeprefix(f"{root}/")
    if below == target or not {"", ".", ".."}.isdisjoint(below.split("/")):
        raise OutsideFolder(f"{path} lies outside of the study's folder")
    return target


def file(filesystem: Any, folder: str, path: str) -> str:
    """Checks a path to read: links are followed, and must not lead out of the folder.

    Raises:
        OutsideFolder: It leads elsewhere, or is a folder, a pipe or a device.
        OSError: It is not there.
    """
    target = entry(filesystem, folder, path)
    if not is_local(filesystem):
        return target
    target = entry(filesystem, folder, os.path.realpath(target))
    if filesystem.info(target)["type"] != "file":
        raise OutsideFolder(f"{path} is no file")
    return target


def remove_tree(filesystem: Any, folder: str) -> None:
    """Deletes a folder and its content, but nothing that a link leads to.

    Raises:
        OSError: It is a link itself, or cannot be removed.
    """
    if leads_away(filesystem, folder):
        raise OutsideFolder(f"{folder} is a link")
    with suppress(FileNotFoundError):
        filesystem.rm(folder, recursive=True)


def leads_away(filesystem: Any, folder: str) -> bool:
    """Whether a folder is a symbolic link."""
    return is_local(filesystem) and os.path.islink(filesystem._strip_protocol(folder))


def _resolve_folders(path: str) -> str:
    """Returns the path with links in its folders resolved, but not its last part."""
    above, _, name = path.rpartition("/")
    return f"{os.path.realpath(above or '/').rstrip('/')}/{name}"
