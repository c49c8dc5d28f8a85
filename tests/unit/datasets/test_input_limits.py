"""Whatever is no file, claims more than there is, or would take minutes is refused at once."""

from __future__ import annotations

import io
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.sources.user_files import require_file

NESTED = b"\x93NUMPY\x01\x00" + (9000).to_bytes(2, "little")  # up to an array's head
ROWS = "".join(f"{row * row % 17},{row % 3},{row % 2}\n" for row in range(40))
LARGE = 1 << 43  # bytes: more than a machine has, and less than file systems take


def error_of(source: Path | str, target: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=str(source), target=target))
    message = str(caught.value)
    assert "\n" not in message
    return message


def sparse(path: Path, head: bytes = b"", size: int = LARGE) -> Path:
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    return path


def array_of(shape: tuple[int, ...], dtype: str = "<f8") -> bytes:
    """The head of an array's file."""
    head = io.BytesIO()
    description = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, description)
    return head.getvalue()


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


NO_FILES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "socket": make_socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
}


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.npz", "a.py"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, monkeypatch, kind: str, name: str):
    """A pipe would wait for ever, a device never end; as a part of its own, too."""
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    NO_FILES[kind](Path(name))
    source, target = (f"{name}:load", None) if name == "a.py" else (name, "y")
    message = error_of(source, target if "npz" not in name else None)
    assert f"Expected a file. Received: {name}, which is a {kind}" in message


@pytest.mark.parametrize(
    "path", ["x" * 5000, "x" * 5000 + ".csv", "a\0.csv", "loop.csv", "f/x.csv"]
)
def test_paths_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str):
    """A path that no file can have is told as one that does not exist."""
    monkeypatch.chdir(tmp_path)
    Path("loop.csv").symlink_to("loop.csv")
    Path("f").touch()
    with pytest.raises(DataError, match="does not exist"):
        require_file(path)
    with pytest.raises(DataError):
        load(DataSpec(source=path, target="y"))


@pytest.mark.parametrize("size", ["", ":4x4"])
@pytest.mark.parametrize("kind", NO_FILES)
def test_no_file_among_images(tmp_path: Path, monkeypatch, kind: str, size: str):
    """A pipe, socket, device or folder in place of an image is refused, and nothing hangs."""
    monkeypatch.chdir(tmp_path)
    for path in (Path(f"i/{c}/{row}.png") for c in "ab" for row in range(6)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(path)
    NO_FILES[kind](Path("i/a/z.png"))
    assert f"Expected an image. Received: i/a/z.png, which is a {kind}" in error_of(f"i{size}")


def test_no_file_among_arrays(tmp_path: Path):
    """A pipe named `x.npy` counts as missing, and is not waited for."""
    os.mkfifo(tmp_path / "x.npy")
    np.save(tmp_path / "y.npy", np.arange(9))
    assert "Received: y: add x" in error_of(tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [("a.csv", "fit into memory"), ("a.parquet", "a Parquet file"), ("a.npz", "NumPy archive")],
)
def test_a_huge_file_of_nothing(tmp_path: Path, name: str, told: str):
    """A file that is large and empty is refused before it is read."""
    assert told in error_of(sparse(tmp_path / name), None if name == "a.npz" else "y")


@pytest.mark.parametrize("begin", [b"", b"a,b,y\n" + ROWS.encode()])
def test_a_text_with_a_hole(tmp_path: Path, begin: bytes):
    """Which memory would hold: pandas takes minutes over it."""
    path = sparse(tmp_path / "a.csv", begin, 100_000_000)
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"1,2,0\n" * 20_000)
    assert "holds null characters" in error_of(path, "y")


def test_a_huge_array_of_nothing(tmp_path: Path):
    """Arrays are mapped: what would not fit is what is made of them."""
    head = array_of((LARGE - 4096, 1), "|i1")
    for name in "xy":
        sparse(tmp_path / f"{name}.npy", head)
    assert "that this machine has room for" in error_of(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (array_of((10**9,)) + bytes(10), "x claims 8,000,000,000 bytes, 138 are there"),
        (array_of((10**13, 2)) + bytes(10), "x claims"),
        (array_of((3, 3)) + bytes(10), "x claims"),
        (NESTED + b"(" * 9000, "damaged"),
        (NESTED + b"[" * 9000, "damaged"),
        (b"\x93NUMPY\x09\x00", "damaged"),
        (b"", "damaged"),
    ],
    ids=["8 GB", "too many", "too few", "nested", "brackets", "version", "empty"],
)
@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_that_claims_what_is_not_there(tmp_path: Path, content, told, packed):
    """An array that is damaged or claims more than is there is refused, naming the file."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w", packed) as archive:
        for name in ("x.npy", "y.npy"):
            archive.writestr(name, content)
    message = error_of(tmp_path / "a.npz")
    assert told in message
    assert "a.npz" in message


@pytest.mark.parametrize("content", [NESTED + b"(" * 9000, b"x"])
def test_a_damaged_array(tmp_path: Path, content: bytes):
    """A `.npy` file with a header that cannot be read is refused as no array."""
    for name in "xy":
        (tmp_path / f"{name}.npy").write_bytes(content)
    assert "Expected an array of numbers or text" in error_of(tmp_path)


def test_an_archive_that_unpacks_to_more_than_memory_has(tmp_path: Path, monkeypatch):
    """A compressed archive is refused by its unpacked size."""
    monkeypatch.setattr("tuner.resources.memory.available", lambda: 1000)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((900, 2)), y=np.arange(900) % 2)
    assert "fit into memory, of which 0.0 GB are free" in error_of(tmp_path / "a.npz")


def test_images_that_are_more_than_memory_has(tmp_path: Path, monkeypatch):
    """Images are refused by the size that they would have, before they are read."""
    monkeypatch.setattr("tuner.resources.memory.available", lambda: 1_000_000)
    for label in "ab":
        (tmp_path / label).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / label / "1.png")
    assert "fit into memory" in error_of(f"{tmp_path}/:1000x1000")


def test_too_many_columns(tmp_path: Path):
    """More than 10,000 columns are refused, of `.csv` and `.parquet`."""
    names = [f"c{column}" for column in range(10_001)]
    (tmp_path / "a.csv").write_text(",".join(names) + "\n" + ",".join("1" * len(names)) + "\n")
    assert "at most 10,000 columns. Received: 10,001" in error_of(tmp_path / "a.csv", "c0")
    pd.DataFrame(np.zeros((2, len(names))), columns=names).to_parquet(tmp_path / "a.parquet")
    assert "at most 10,000 columns. Received: 10,001" in error_of(tmp_path / "a.parquet", "c0")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b,y\n" + ROWS + "{},1,0\n", "expected numbers"),
        ("a,b,y\n" + "1,{0},0\n1,u,1\n" * 10, "at most 1,000 letters in every category"),
        ("a,b,y\n" + "1,2,{0}\n2,3,u\n" * 10, "at most 1,000 letters in every class"),
        ("a,{},y\n" + ROWS, "at most 1,000 letters in every name of a column"),
        ("a,b,y\n" + "2024-01-31,1,0\n" * 9 + "{},1,1\n", "expected dates"),
    ],
    ids=["number", "category", "class", "name", "date"],
)
def test_a_cell_of_megabytes_does_not_show(tmp_path: Path, text: str, told: str):
    """Messages show its ends; NumPy would make room for as many letters in every row."""
    (tmp_path / "a.csv").write_text(text.format("x" * 3_000_000))
    message = error_of(tmp_path / "a.csv", "y")
    assert told in message
    assert len(message) < 400


def test_a_first_line_without_end(tmp_path: Path):
    """A table without any line break is refused by the length of its first line."""
    (tmp_path / "a.csv").write_text("x" * 5_000_000)
    assert "expected a first line of at most" in error_of(tmp_path / "a.csv", "y")


def test_labels_of_megabytes_in_arrays():
    """As a function of the user's returns them."""
    from tuner.datasets.checks import check
    from tuner.datasets.raw_data import Arrays, Rows

    y = np.array(["a", "b" * 2000] * 10, dtype=object)
    with pytest.raises(DataError, match="at most 1,000 letters in every y"):
        check(Arrays(parts={"train": Rows(x=np.zeros((20, 2)), y=y)}), "data")
