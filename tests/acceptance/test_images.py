"""A folder of images, from launch to a file that plain Keras asks about images as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.plain_keras import run_without_project
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.keras, pytest.mark.slow]

CLASSES, EACH = (0, 1, 4), 60

# What a stranger to the project does with the file: images of bytes go in as they were read.
ASK = """
import json, sys
import keras, numpy
from PIL import Image

model = keras.saving.load_model(sys.argv[1])
images = numpy.stack([numpy.asarray(Image.open(path)) for path in sys.argv[2:]])
assert images.dtype == numpy.uint8
print(json.dumps(model.predict(images, verbose=0).argmax(axis=1).tolist()))
"""


@pytest.fixture
def images(tmp_path: Path) -> dict[int, list[Path]]:
    """Real handwritten digits as PNG files, one folder for each class."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    made: dict[int, list[Path]] = {}
    for label in CLASSES:
        folder = tmp_path / "images" / f"digit {label}"
        folder.mkdir(parents=True)
        for i, pixels in enumerate(digits.images[digits.target == label][:EACH]):
            path = folder / f"{i:03}.png"
            Image.fromarray((pixels * 15).astype("uint8")).save(path)
            made.setdefault(label, []).append(path)
    return made


def test_the_exported_file_takes_images_as_they_are(
    images: dict[int, list[Path]], tmp_path: Path
) -> None:
    """Plain Keras asks it about the bytes of PNG files, and is answered well."""
    tuner = Terminal(tmp_path)
    search = ["--set", "epochs=8", "--set", "shift=0.1", "--set", "filters=8..16"]
    ended = tuner("launch", "cnn", "--data", "images/", "--trials", "2", "--workers", "2", *search)
    assert ended.returncode == 0, ended.stderr
    assert tuner.json("evaluate", "cnn-images")["accuracy"] > 0.9
    assert tuner("export", "cnn-images", "model.keras").returncode == 0
    paths = [str(path) for found in images.values() for path in found[:20]]
    answers = json.loads(run_without_project(ASK, "model.keras", *paths, folder=tmp_path))
    expected = [place for place in range(len(CLASSES)) for _ in range(20)]
    right = sum(a == e for a, e in zip(answers, expected, strict=True))
    assert right >= 0.9 * len(expected)
