"""Folders of images, one folder for each class; sizes are made equal where that is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.arrays import Arrays, Rows
from tuner.datasets.errors import DataError
from tuner.datasets.spec import DataSpec
from tuner.errors import one_line

FORM = "FOLDER/ of images by class"
SUMMARY = "FOLDER/CLASS/IMAGE.png, of one size or as FOLDER/:64x64 says (height x width)"
TAKES_TARGET = False

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
_PARTS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
_GREY = ("1", "L", "LA")  # Pillow's modes that hold no colour
_FEWEST_CLASSES = 2

Size = tuple[int, int]
Images = list[tuple[str, Path]]  # class and file


def accepts(source: str) -> bool:
    """Whether the source is a folder with a folder that holds an image, or has a size behind it."""
    folder, size = cut(source)
    return folder.is_dir() and (size is not None or any(files(source)))


def cut(source: str) -> tuple[Path, Size | None]:
    """``images/:64x48`` as a folder and ``(height, width)`` in pixels, None where none is given."""
    match = re.fullmatch(r"(.+):([1-9]\d{0,4})x([1-9]\d{0,4})", source)
    if match is None:
        return Path(source).expanduser(), None
    return Path(match[1]).expanduser(), (int(match[2]), int(match[3]))


def of_size(source: str, other: str) -> str:
    """Returns a source with the size that another one asks for, unless it has its own."""
    (_, own), (_, size) = cut(source), cut(other)
    return source if own or not size else f"{source}:{size[0]}x{size[1]}"


def files(source: str) -> list[Path]:
    """Returns all images of a folder, those of parts that it brings included."""
    folder, _ = cut(source)
    return [path for images in _by_part(folder).values() for _, path in images]


def read(spec: DataSpec) -> Arrays:
    """Returns the images as uint8 ``(rows, height, width)``, in colour ``(..., 3)``, RGB.

    Classes are the names of the folders; rows come in the order of the files' names. Folders
    ``train``, ``validation`` (or ``val``) and ``test`` that hold such folders are the parts.
    A transparent ground becomes black. Images of another size than the one asked for are
    resampled bilinearly, over all pixels that a new one covers (``Image.resize`` of Pillow).

    Raises:
        DataError: There are fewer than two classes, images differ in size and none was asked
            for, one cannot be read, or Pillow is not installed.
    """
    folder, size = cut(spec.source)
    parts = _by_part(folder)
    _check_classes(parts, spec.source)
    everything = [path for images in parts.values() for _, path in images]
    seen = [_look(path) for path in everything]
    size = size or _common_size(everything, [found for found, _ in seen], spec.source)
    mode = "L" if all(mode in _GREY for _, mode in seen) else "RGB"
    return Arrays(
        parts={part: _rows(images, size, mode) for part, images in parts.items()}, same_unit=True
    )


def _by_part(folder: Path) -> dict[str, Images]:
    inside = _folders(folder)
    if inside and all(path.name in _PARTS and _folders(path) for path in inside):
        found = {_PARTS[path.name]: _images(path) for path in inside}
    else:
        found = {"train": _images(folder)}
    return {part: images for part, images in found.items() if images}


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _images(folder: Path) -> Images:
    return [
        (of_class.name, path)
        for of_class in _folders(folder)
        for path in sorted(of_class.iterdir())
        if path.suffix.lower() in SUFFIXES and path.name[0] != "."
    ]


def _check_classes(parts: dict[str, Images], source: str) -> None:
    classes = sorted({label for label, _ in parts.get("train", ())})
    if len(classes) < _FEWEST_CLASSES:
        received = f"images of {classes[0]!r} only" if classes else "no image"
        raise DataError(
            f"{source}: expected a folder of images for each of two classes or more "
            f"(CLASS/IMAGE{SUFFIXES[0]}). Received: {received} to train on."
        )


def _look(path: Path) -> tuple[Size, str]:
    """Size and mode of an image, of which only the head is read."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            grey = image.mode in _GREY or image.mode.startswith("I")
            return (image.height, image.width), "L" if grey else image.mode
    except (OSError, ValueError, Image.DecompressionBombError) as e:
        raise _unreadable(path, e) from e


def _common_size(paths: list[Path], sizes: list[Size], source: str) -> Size:
    for path, (height, width) in zip(paths, sizes, strict=True):
        if (height, width) != sizes[0]:
            first, other = "x".join(map(str, sizes[0])), f"{height}x{width}"
            raise DataError(
                f"{source}: expected images of one size. Received: {paths[0].name} of {first} and "
                f"{path.name} of {other} pixels: give one, such as {source}:64x64."
            )
    return sizes[0]


def _rows(images: Images, size: Size, mode: str) -> Rows:
    x = np.empty((len(images), *size, *((3,) if mode == "RGB" else ())), np.uint8)
    for row, (_, path) in enumerate(images):
        x[row] = _pixels(path, size, mode)
    return Rows(x=x, y=np.array([label for label, _ in images]))


def _pixels(path: Path, size: Size, mode: str) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode.startswith("I"):  # 16 bits a pixel, which `convert` would cut off
                shallow = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            else:
                shallow = image if image.mode in ("L", "RGB") else image.convert("RGBA")
                if shallow.mode == "RGBA":
                    ground = Image.new("RGBA", shallow.size, "black")
                    shallow = Image.alpha_composite(ground, shallow)
            flat = shallow.convert(mode)
            if (flat.height, flat.width) != size:
                flat = flat.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            return np.asarray(flat)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise _unreadable(path, e) from e


def _unreadable(path: Path, reason: Exception) -> DataError:
    return DataError(
        f"Expected an image. Received: {path} ({one_line(reason)}): write it again or remove it."
    )
