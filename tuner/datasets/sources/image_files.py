"""Which files of a folder are images of which class, and which are not: nothing vanishes unseen.

Names that begin with a dot are nobody's data, and left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tuner.datasets.errors import DataError
from tuner.datasets.sources.user_files import kind_of
from tuner.errors import quoted

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MOST_NAMED = 3  # files, in a message
_PARTS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a folder holds.

    Attributes:
        parts: The images of each part with their classes, in the order of their names.
        empty: Folders of classes without any image.
        aside: What is no image, or lies in no folder of a class.
    """

    parts: dict[str, list[tuple[str, Path]]] = field(default_factory=dict)
    empty: list[Path] = field(default_factory=list)
    aside: list[Path] = field(default_factory=list)

    @property
    def images(self) -> list[Path]:
        """Those of all parts."""
        return [path for images in self.parts.values() for _, path in images]

    def add(self, part: str, folder: Path) -> None:
        """Adds the folders of classes in a folder, as a part."""
        images = self.parts.setdefault(part, [])
        classes = folders(folder)
        self.aside.extend(path for path in inside(folder) if path not in classes)
        for class_folder in classes:
            files = inside(class_folder)
            image_paths = [path for path in files if path.suffix.lower() in SUFFIXES]
            images += [(class_folder.name, path) for path in image_paths]
            self.aside.extend(path for path in files if path.suffix.lower() not in SUFFIXES)
            if not image_paths:
                self.empty.append(class_folder)


def list_images(folder: Path) -> Listing:
    """Returns what a folder holds, whose folders are classes, or parts with such folders.

    Raises:
        DataError: Two folders are the same part.
    """
    listing, subfolders = Listing(), folders(folder)
    if not subfolders or not all(path.name in _PARTS and folders(path) for path in subfolders):
        listing.add("train", folder)
        return listing
    listing.aside.extend(path for path in inside(folder) if path not in subfolders)
    for path in subfolders:
        part = _PARTS[path.name]
        if part in listing.parts:
            raise DataError(f"Expected one folder {part} in {folder}. Received: val too.")
        listing.add(part, path)
    return listing


def check(listing: Listing, source: str) -> None:
    """Raises DataError where a folder of a class holds no image: it would vanish."""
    for folder in listing.empty:
        suffix_counts = Counter(map(_file_type, inside(folder)))
        received = ", ".join(
            f"{count} {kind}" for kind, count in suffix_counts.most_common(MOST_NAMED)
        )
        raise DataError(
            f"{source}: expected an image ({', '.join(SUFFIXES)}) in the folder of every class. "
            f"Received: {quoted(folder.name)} with {received or 'nothing'}: convert the files, or "
            "remove the folder."
        )


def _file_type(path: Path) -> str:
    """``.heic files``."""
    return "folders" if kind_of(path) == "a folder" else f"{path.suffix} files".strip()


def note(paths: Sequence[Path], what: str, source: str) -> list[str]:
    """Returns a line that counts and names some files, or nothing where there are none.

    Args:
        what: What they are.
    """
    if not paths:
        return []
    examples = ", ".join(quoted(f"{p.parent.name}/{p.name}") for p in paths[:MOST_NAMED])
    ellipsis = ", ..." if len(paths) > MOST_NAMED else ""
    return [f"{source}: {len(paths)} {what}: {examples}{ellipsis}."]


def inside(folder: Path) -> list[Path]:
    """Returns what a folder holds, by name."""
    return sorted(path for path in folder.iterdir() if path.name[0] != ".")


def folders(folder: Path) -> list[Path]:
    """Returns the folders in a folder, by name; none where it is none."""
    if kind_of(folder) != "a folder":
        return []
    return [path for path in inside(folder) if kind_of(path) == "a folder"]
