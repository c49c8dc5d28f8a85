"""Folders of images: classes by folder, sizes, colours, parts, and each way to be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from tests.support.refusals import error_of
from tuner.datasets import DataSpec, cache, describe, load, load_shared

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


def test_grey_images_come_as_they_are_with_folders_as_classes(folder):
    """Pixel by pixel, each with the name of its folder."""
    data = load(DataSpec(source=str(folder)))
    assert (data.inputs.shape, data.outputs.task) == ((8, 8), "classes")
    assert data.classes == tuple(f"d{label}" for label in range(10))
    known = {DIGITS.images[row].tobytes(): f"d{DIGITS.target[row]}" for row in range(60)}
    found = zip(data.raw("test"), data.raw_targets("test"), strict=True)
    assert all(known[(image / 15).tobytes()] == label for image, label in found)


def test_other_sizes_are_made_equal_where_asked(photographs):
    """Height and width after the colon; colours keep their order."""
    data = load(DataSpec(source=f"{photographs}/:20x16"))
    assert data.inputs.shape == (20, 16, 3)
    assert data.classes == ("china", "flower")
    assert data.name == "photos"
    means = [data.raw("train")[data.train.y == c].mean() for c in (0, 1)]
    whole = PHOTOGRAPHS[0][:400, :50].mean(), PHOTOGRAPHS[1][:400, :30].mean()
    assert np.sign(means[0] - means[1]) == np.sign(whole[0] - whole[1])


def test_different_sizes_are_refused_with_what_to_write(photographs):
    """Two files are named, and a size that could be asked for."""
    message = error_of(photographs)
    assert "0.png of 40x50 and 0.JPG of 40x30" in message
    assert "photos:64x64" in message


def test_one_colour_image_makes_all_of_them_colour(folder):
    """Grey ones get three equal channels."""
    write(folder / "d0" / "z.png", np.full((8, 8, 3), (200, 0, 0)))
    assert load(DataSpec(source=str(folder))).inputs.shape == (8, 8, 3)


def test_a_transparent_ground_is_black(folder):
    """Whatever colour lies below it."""
    for row in range(2):
        write(folder / "clear" / f"{row}.png", np.full((8, 8, 4), (255, 255, 255, 0)))
    data = load(DataSpec(source=str(folder)))
    clear = data.classes.index("clear")
    assert not data.raw("train")[data.train.y == clear].any()


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path):
    """The upper byte of each pixel is kept."""
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
    """Folders train, val and test are not divided again."""
    write_digits(tmp_path / "train", range(100))
    write_digits(tmp_path / "val", range(100, 120))
    write_digits(tmp_path / "test", range(120, 150))
    data = load(DataSpec(source=str(tmp_path)))
    assert [len(data.train), len(data.validation), len(data.test)] == [100, 20, 30]


def test_an_image_that_is_none_is_named(folder):
    """By its folder and file."""
    (folder / "d3" / "0000.png").write_text("no image")
    assert "d3/0000.png" in error_of(folder)


def test_an_image_that_is_cut_off_is_named(photographs):
    """Though its header can be read."""
    path = photographs / "china" / "3.png"
    path.write_bytes(path.read_bytes()[:900])
    assert "china/3.png" in error_of(f"{photographs}:8x8")


def test_a_single_class_is_refused(tmp_path):
    """The one folder is named."""
    write_digits(tmp_path / "images", labels=(4,))
    assert "images of 'd4' only" in error_of(tmp_path / "images")


def test_other_files_are_counted_and_named(folder):
    """Beside the folders of classes, and in them; what is hidden is nobody's data."""
    before = load(DataSpec(source=str(folder)))
    assert before.notes == ()
    (folder / "d0" / "notes.txt").write_text("mine")
    (folder / "d0" / ".hidden.png").write_text("mine")
    (folder / "d1" / "more").mkdir()
    (folder / "README").write_text("mine")
    data = load(DataSpec(source=str(folder)))
    assert data.fingerprint == before.fingerprint
    (note,) = data.notes
    assert "3 not read" in note
    assert all(name in note for name in ("'images/README'", "'d0/notes.txt'", "'d1/more'"))


@pytest.mark.parametrize("suffix", ["tif", "TIFF", "webp", "bmp", "gif", "jpg"])
def test_a_class_in_another_format_is_one(tmp_path, suffix):
    """The same pixels, but for formats that lose some."""
    write_digits(tmp_path / "png", labels=(0, 1))
    whole = load(DataSpec(source=str(tmp_path / "png")))
    write_digits(tmp_path / "both", labels=(0, 1))
    for path in sorted((tmp_path / "both" / "d1").iterdir()):
        with Image.open(path) as image:
            image.save(path.with_suffix(f".{suffix}"), lossless=True)
        path.unlink()
    both = load(DataSpec(source=str(tmp_path / "both")))
    assert (both.classes, both.notes) == (("d0", "d1"), ())
    rows = [np.concatenate([data.raw(part) for part in ("train", "validation", "test")])
            for data in (whole, both)]  # fmt: skip
    grey = [values if values.ndim == 3 else values.mean(axis=-1) for values in rows]
    assert np.abs(grey[0] - grey[1].astype(float)).mean() < (20 if suffix == "jpg" else 1)


@pytest.mark.parametrize("part", [".", "train", "test"])
def test_a_class_without_an_image_is_refused(tmp_path, part):
    """It would vanish: what its folder holds is counted by kind."""
    for folder in (".",) if part == "." else ("train", "test"):
        write_digits(tmp_path / folder, labels=(0, 1))
    (tmp_path / part / "bird").mkdir()
    assert "Received: 'bird' with nothing" in error_of(tmp_path)
    for row in range(3):
        (tmp_path / part / "bird" / f"{row}.heic").write_text("what Pillow does not read")
    assert "Received: 'bird' with 3 .heic files: convert" in error_of(tmp_path)


def test_a_folder_without_any_image_is_told(tmp_path):
    """A class without one readable image is an error that counts what is there."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.heic").write_text("what Pillow does not read")
    assert "Received: 'cat' with 1 .heic files" in error_of(tmp_path)


def test_a_folder_beside_those_of_parts_is_told(tmp_path):
    """Beside `train` no other folder is passed over silently."""
    write_digits(tmp_path / "train")
    write_digits(tmp_path / "extra")
    assert "Received: 'extra' with 10 folders" in error_of(tmp_path)


def test_two_folders_of_one_part_are_refused(tmp_path):
    """`val` and `validation` cannot both be the validation part."""
    for part in ("train", "val", "validation"):
        write_digits(tmp_path / part)
    assert "one folder validation" in error_of(tmp_path)


def test_pages_after_the_first_are_told(folder):
    """An image file with several pages is read by its first, which is said."""
    pages = [Image.new("L", (8, 8), level) for level in (0, 100)]
    pages[0].save(folder / "d0" / "pages.tif", save_all=True, append_images=pages[1:])
    (note,) = load(DataSpec(source=str(folder))).notes
    assert "1 of which the first picture alone is read: 'd0/pages.tif'" in note


def test_what_is_not_read_of_a_further_part_is_told(folder, tmp_path):
    """A file that is no image is named in a folder for the test part, too."""
    part = write_digits(tmp_path / "later", range(60, 100))
    (part / "d0" / "notes.txt").write_text("mine")
    data = load(DataSpec(source=str(folder), test_data=str(part)))
    assert "'d0/notes.txt'" in data.notes[0]


def test_notes_are_kept_with_prepared_data(folder, tmp_path, monkeypatch):
    """Whoever finds the data in the cache is told the same."""
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "LARGE", 1)
    (folder / "notes.txt").write_text("mine")
    first, second = (load_shared(DataSpec(source=str(folder))) for _ in range(2))
    assert first.notes == second.notes != ()


def test_a_folder_is_described(folder):
    """Images, their size, task and number of classes."""
    row = describe(DataSpec(source=str(folder)))
    assert (row.rows, row.shape, row.task, row.classes) == (60, (8, 8), "classes", 10)


@pytest.mark.parametrize("size", ["", ":8x8"])
def test_an_image_that_changed_is_noticed_though_data_are_kept(folder, tmp_path, monkeypatch, size):
    """The cache is not asked for images that are other ones now."""
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "LARGE", 1)
    spec = DataSpec(source=f"{folder}{size}")
    first = load_shared(spec)
    assert load_shared(spec).fingerprint == first.fingerprint
    write(folder / "d0" / "0000.png", np.zeros((8, 8)))
    assert load_shared(spec).fingerprint != first.fingerprint
