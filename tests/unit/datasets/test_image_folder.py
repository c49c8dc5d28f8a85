"""Folders of images: classes by folder, sizes, colours, parts, and each way to be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from tuner.datasets import DataError, DataSpec, describe, load, load_shared, shared

DIGITS = load_digits()
PHOTOGRAPHS = load_sample_images().images  # 427x640 pixels, in colour


def write(path: Path, pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels).astype(np.uint8)).save(path)


def write_digits(folder: Path, rows=range(60), labels=(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)) -> Path:
    for row in rows:
        if DIGITS.target[row] in labels:
            write(
                folder / f"d{DIGITS.target[row]}" / f"{row:04}.png",
                DIGITS.images[row] * 15,
            )
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_digits(tmp_path / "images")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Pieces of two photographs of another shape each; those of a flower are JPEGs."""
    for piece in range(10):
        china, flower = (image[piece * 40 :][:40] for image in PHOTOGRAPHS)
        write(tmp_path / "photos" / "china" / f"{piece}.png", china[:, :50])
        write(tmp_path / "photos" / "flower" / f"{piece}.JPG", flower[:, :30])
    return tmp_path / "photos"


def error_of(source: object) -> str:
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=str(source)))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_grey_images_come_as_they_are_with_folders_as_classes(folder):
    data = load(DataSpec(source=str(folder)))
    assert (data.inputs.shape, data.outputs.task) == ((8, 8), "classes")
    assert data.classes == tuple(f"d{label}" for label in range(10))
    known = {DIGITS.images[row].tobytes(): f"d{DIGITS.target[row]}" for row in range(60)}
    found = zip(data.raw("test"), data.raw_targets("test"), strict=True)
    assert all(known[(image / 15).tobytes()] == label for image, label in found)


def test_other_sizes_are_made_equal_where_asked(photographs):
    data = load(DataSpec(source=f"{photographs}/:20x16"))
    assert data.inputs.shape == (20, 16, 3)
    assert data.classes == ("china", "flower")
    assert data.name == "photos"
    means = [data.raw("train")[data.train.y == c].mean() for c in (0, 1)]
    whole = PHOTOGRAPHS[0][:400, :50].mean(), PHOTOGRAPHS[1][:400, :30].mean()
    assert np.sign(means[0] - means[1]) == np.sign(whole[0] - whole[1])


def test_different_sizes_are_refused_with_what_to_write(photographs):
    message = error_of(photographs)
    assert "0.png of 40x50 and 0.JPG of 40x30" in message
    assert "photos:64x64" in message


def test_one_colour_image_makes_all_of_them_colour(folder):
    write(folder / "d0" / "z.png", np.full((8, 8, 3), (200, 0, 0)))
    assert load(DataSpec(source=str(folder))).inputs.shape == (8, 8, 3)


def test_a_transparent_ground_is_black(folder):
    for row in range(2):
        write(folder / "clear" / f"{row}.png", np.full((8, 8, 4), (255, 255, 255, 0)))
    data = load(DataSpec(source=str(folder)))
    clear = data.classes.index("clear")
    assert not data.raw("train")[data.train.y == clear].any()


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path):
    for label, level in (("dark", 0x1000), ("light", 0xF000)):
        for row in range(5):
            path = tmp_path / label / f"{row}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.full((4, 4), level, np.uint16)).save(path)
    data = load(DataSpec(source=str(tmp_path)))
    assert {
        (y, v) for y, x in zip(data.train.y, data.raw("train"), strict=True) for v in x.flat
    } == {
        (0, 0x10),
        (1, 0xF0),
    }


def test_parts_that_are_there_are_used(tmp_path):
    write_digits(tmp_path / "train", range(100))
    write_digits(tmp_path / "val", range(100, 120))
    write_digits(tmp_path / "test", range(120, 150))
    data = load(DataSpec(source=str(tmp_path)))
    assert [len(data.train), len(data.validation), len(data.test)] == [100, 20, 30]


def test_an_image_that_is_none_is_named(folder):
    (folder / "d3" / "0000.png").write_text("no image")
    assert "d3/0000.png" in error_of(folder)


def test_an_image_that_is_cut_off_is_named(photographs):
    path = photographs / "china" / "3.png"
    path.write_bytes(path.read_bytes()[:900])
    assert "china/3.png" in error_of(f"{photographs}:8x8")


def test_a_single_class_is_refused(tmp_path):
    write_digits(tmp_path / "images", labels=(4,))
    assert "images of 'd4' only" in error_of(tmp_path / "images")


def test_other_files_are_left_alone(folder):
    before = load(DataSpec(source=str(folder)))
    (folder / "d0" / "notes.txt").write_text("mine")
    (folder / "d0" / ".hidden.png").write_text("mine")
    (folder / "README").write_text("mine")
    assert load(DataSpec(source=str(folder))).fingerprint == before.fingerprint


def test_a_folder_is_described(folder):
    row = describe(DataSpec(source=str(folder)))
    assert (row.rows, row.shape, row.task, row.classes) == (60, (8, 8), "classes", 10)


@pytest.mark.parametrize("size", ["", ":8x8"])
def test_an_image_that_changed_is_noticed_though_data_are_kept(folder, tmp_path, monkeypatch, size):
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shared, "LARGE", 1)
    spec = DataSpec(source=f"{folder}{size}")
    first = load_shared(spec)
    assert load_shared(spec).fingerprint == first.fingerprint
    write(folder / "d0" / "0000.png", np.zeros((8, 8)))
    assert load_shared(spec).fingerprint != first.fingerprint
