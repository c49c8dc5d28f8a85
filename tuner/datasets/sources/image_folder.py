"""Folders of images, one folder for each class; sizes are made equal where that is asked for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_memory
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.sources import image_files
from tuner.datasets.sources.image_files import SUFFIXES, folders, inside, list_images
from tuner.datasets.sources.source import Source
from tuner.datasets.sources.user_files import kind_of
from tuner.errors import one_line, quoted

_GREY = ("1", "L", "LA")  # Pillow's modes that hold no colour
_FEWEST_CLASSES = 2

Size = tuple[int, int]
Images = list[tuple[str, Path]]  # class and file


def accepts(source: str) -> bool:
    """Whether the source is a folder with folders that hold something, or has a size behind it."""
    folder, size = cut(source)
    if kind_of(folder) != "a folder":
        return False
    return size is not None or any(inside(inner) for inner in folders(folder))


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
    return list_images(cut(source)[0]).images


def read(spec: DataSpec) -> Arrays:
    """Returns the images as uint8 ``(rows, height, width)``, in colour ``(..., 3)``, RGB.

    Classes are the names of the folders; rows come in the order of the files' names. Folders
    ``train``, ``validation`` (or ``val``) and ``test`` that hold such folders are the parts.
    A transparent ground becomes black. Images of another size than the one asked for are
    resampled bilinearly, over all pixels that a new one covers (``Image.resize`` of Pillow).

    Raises:
        DataError: There are fewer than two classes, images differ in size and none was asked
            for, one cannot be read, a folder holds none, or there are too many.
    """
    folder, size = cut(spec.source)
    listing = list_images(folder)
    image_files.check(listing, spec.source)
    _check_classes(listing.parts, spec.source)
    images = listing.images
    headers = [_read_header(path) for path in images]
    size = size or _common_size(images, [header.size for header in headers], spec.source)
    mode = "L" if all(header.mode in _GREY for header in headers) else "RGB"
    check_memory(len(images) * math.prod(size) * len(mode), spec.source)
    multi_frame = [path for path, header in zip(images, headers, strict=True) if header.further]
    return Arrays(
        parts={part: _rows(some, size, mode) for part, some in listing.parts.items() if some},
        same_unit=True,
        notes=(
            *image_files.note(listing.aside, "not read, as no images of a class", spec.source),
            *image_files.note(multi_frame, "of which the first picture alone is read", spec.source),
        ),
    )


def _check_classes(parts: dict[str, Images], source: str) -> None:
    classes = sorted({label for label, _ in parts.get("train", ())})
    if len(classes) < _FEWEST_CLASSES:
        received = f"images of {quoted(classes[0])} only" if classes else "no image"
        raise DataError(
            f"{source}: expected a folder of images for each of two classes or more "
            f"(CLASS/IMAGE{SUFFIXES[0]}). Received: {received} to train on."
        )


@dataclass(frozen=True)
class _Look:
    """What the head of an image tells.

    Attributes:
        size: Height and width in pixels.
        mode: Pillow's; of all that is grey ``L``.
        further: Whether the file holds more pictures, as of animations or pages.
    """

    size: Size
    mode: str
    further: bool


def _read_header(path: Path) -> _Look:
    from PIL import Image

    kind = kind_of(path)
    if kind != "a file":  # which is never opened: it could wait for ever
        raise DataError(
            f"Expected an image. Received: {path}, which is {kind or 'not there'}: remove it."
        )
    try:
        with Image.open(path) as image:
            mode = "L" if image.mode in _GREY or image.mode.startswith("I") else image.mode
            further = bool(getattr(image, "is_animated", False))
            return _Look((image.height, image.width), mode, further)
    except Exception as e:  # whatever Pillow makes of a damaged file
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
    except Exception as e:  # whatever Pillow makes of a damaged file
        raise _unreadable(path, e) from e


def _unreadable(path: Path, reason: Exception) -> DataError:
    return DataError(
        f"Expected an image. Received: {path} ({one_line(reason)}): write it again or remove it."
    )


SOURCE = Source(
    form="FOLDER/ of images by class",
    summary="FOLDER/CLASS/IMAGE.png, of one size or as FOLDER/:64x64 says (height x width)",
    accepts=accepts,
    read=read,
    part_like=of_size,
    needs_keras=False,
    files=lambda source: [cut(source)[0], *files(source)],
)
