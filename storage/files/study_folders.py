"""Lists folders of studies in a base folder, whether or not the studies still exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storage.database.origin import Origin
from storage.database.store_identity import MARKER, of_folder
from storage.files import containment
from storage.files.artifacts import UUID, age, open_place


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A study's folder.

    Attributes:
        path: Its path in the file system.
        uuid: UUID of the study, the folder's name.
        origin: The store that its marker names, or None.
        filesystem: An fsspec file system.
    """

    path: str
    uuid: str
    origin: Origin | None
    filesystem: Any

    def is_old(self, seconds: float) -> bool:
        """Whether no file in it was written to for this many seconds."""
        listed = self.filesystem.find(self.path, detail=True)
        return all(age(details) >= seconds for details in listed.values())

    def remove(self) -> None:
        """Deletes the folder and its content.

        Raises:
            OSError: It cannot be removed.
        """
        containment.remove_tree(self.filesystem, self.path)


def folders(base: str) -> Iterator[Folder]:
    """Yields the folders of studies in a folder or URL, by name.

    A folder without a marker, or whose name is no UUID, is not a study's folder.

    Raises:
        StoreError: The URL cannot be opened.
        OSError: It cannot be read.
    """
    filesystem, root = open_place(base)
    try:
        listed = sorted(map(str, filesystem.ls(root, detail=False)))
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in listed:
        uuid = path.rstrip("/").rpartition("/")[2]
        if UUID.fullmatch(uuid) and filesystem.exists(f"{path}/{MARKER}"):
            marker = of_folder(filesystem, path)
            yield Folder(path=path, uuid=uuid, origin=marker, filesystem=filesystem)
