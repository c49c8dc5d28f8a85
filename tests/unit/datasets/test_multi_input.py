"""Rows with several inputs: a dict of arrays becomes one matrix, and comes back as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits

from search_spaces import SpaceError, catalog
from tuner.cli import main
from tuner.datasets import DataError, DataSpec, array_store, cache, describe, load, load_shared
from tuner.datasets.cache_folder import FOLDER_VARIABLE
from tuner.datasets.dataset_profile import profile_dataset

DIGITS = load_digits()
FUNCTION = """
import numpy as np
from sklearn.datasets import load_digits

def load():
    digits = load_digits()
    image = digits.images.astype(np.uint8)
    ink = np.stack([digits.data.sum(axis=1), digits.data.std(axis=1) / 100], axis=1)
    return {"image": image, "ink": ink, "first": digits.data[:, 2]}, digits.target
"""


@pytest.fixture
def source(tmp_path) -> str:
    """A function that returns an image, two numbers of very different size, and one number."""
    (tmp_path / "data.py").write_text(FUNCTION)
    return f"{tmp_path / 'data.py'}:load"


def returning(folder, text: str) -> str:
    """A function that returns this."""
    (folder / "other.py").write_text(f"import numpy as np\n\ndef load():\n    return {text}\n")
    return f"{folder / 'other.py'}:load"


def test_inputs_lie_side_by_side_each_scaled_by_itself(source):
    """An image by one scale, columns of numbers each by their own; raw rows are as given."""
    data = load(DataSpec(source=source))
    assert data.inputs.shapes == {"first": (1,), "image": (8, 8), "ink": (2,)}
    assert data.inputs.shape == (67,)
    assert (data.scaler, data.encoder, data.columns) == (None, None, None)
    first, image, ink = np.split(data.train.x, [1, 65], axis=1)
    assert data.train.x.dtype == np.float32
    for values in (first, image.reshape(-1, 1), ink):  # an image has one scale, numbers their own
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-4)
    raw = data.raw("test")
    rows = data.selections["test"].indices
    assert {name: values.dtype.kind for name, values in raw.items()} == {
        "first": "f", "image": "u", "ink": "f",
    }  # fmt: skip
    np.testing.assert_array_equal(raw["image"], DIGITS.images[rows])
    np.testing.assert_array_equal(data.raw_targets("test"), DIGITS.target[rows])
    assert data.inputs_encoder is not None
    np.testing.assert_array_equal(
        data.inputs_encoder.transform(data.selections["test"].rows.x[rows]), data.test.x
    )


def test_scaling_may_be_left_out(source):
    """Then the images' pixels are what they were."""
    data = load(DataSpec(source=source, scaling="none"))
    np.testing.assert_array_equal(data.test.x[:, 1:65], data.raw("test")["image"].reshape(-1, 64))


def test_rows_come_in_pieces(source, monkeypatch):
    """As they do where they are many: the same numbers, to the last bit."""
    whole = load(DataSpec(source=source))
    monkeypatch.setattr("tuner.datasets.chunks.ROWS", 64)
    monkeypatch.setattr("tuner.datasets.chunks.BYTES", 1)
    np.testing.assert_array_equal(load(DataSpec(source=source)).test.x, whole.test.x)


def test_processes_share_them(source, tmp_path, monkeypatch):
    """What is mapped from the cache equals what was loaded, with the scale of each input."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "LARGE", 0)
    spec = DataSpec(source=source)
    loaded, mapped = load(spec), load_shared(spec)
    assert isinstance(mapped.train.x, np.memmap)
    assert mapped.inputs == loaded.inputs
    assert mapped.fingerprint == loaded.fingerprint
    np.testing.assert_array_equal(mapped.train.x, loaded.train.x)
    np.testing.assert_array_equal(mapped.raw("test")["ink"], loaded.raw("test")["ink"])
    assert (mapped.inputs_encoder, loaded.inputs_encoder) != (None, None)
    for one, other in zip(mapped.inputs_encoder.inputs, loaded.inputs_encoder.inputs, strict=True):
        np.testing.assert_array_equal(one.scaler.centre, other.scaler.centre)
        np.testing.assert_array_equal(one.scaler.spread, other.scaler.spread)


def test_arrays_in_memory_are_written_and_read(tmp_path):
    """Parts of their own as well, in whatever order their inputs stand."""
    x = {"image": DIGITS.images, "ink": DIGITS.data.sum(axis=1)}
    path = array_store.write((x, DIGITS.target), str(tmp_path))
    data = load(DataSpec(source=str(path)))
    assert data.inputs.shapes == {"image": (8, 8), "ink": (1,)}
    parts = (({**x}, DIGITS.target), (dict(reversed(x.items())), DIGITS.target))
    data = load(DataSpec(source=str(array_store.write(parts, str(tmp_path)))))
    np.testing.assert_array_equal(data.raw("test")["image"], DIGITS.images)
    np.testing.assert_array_equal(data.raw("test")["ink"][:, 0], x["ink"])


def test_other_values_or_names_are_other_data(tmp_path):
    """The fingerprint follows each input."""
    prints = {
        load(DataSpec(source=returning(tmp_path, text))).fingerprint
        for text in (
            "{'a': np.eye(20), 'b': np.arange(20.0)}, np.arange(20) % 2",
            "{'a': np.eye(20), 'c': np.arange(20.0)}, np.arange(20) % 2",
            "{'a': np.eye(20), 'b': np.arange(20.0) + 1}, np.arange(20) % 2",
        )
    }
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("{'a': np.eye(4), 'b': np.eye(3)}, np.eye(4)[0]", "Received: 4 in x['a'], 3 in x['b']"),
        ("{'a': np.eye(4), 'b': ['x'] * 4}, np.eye(4)[0]", "expected real numbers of shape (rows,"),
        ("{'a/b': np.eye(4)}, np.eye(4)[0]", "without a slash. Received: 'a/b'"),
        ("{0: np.eye(4)}, np.eye(4)[0]", "Received: 0: rename it"),
        ("{}, np.eye(4)[0]", "Received: no input"),
        ("{'a': [[1], [1, 2]]}, [0, 1]", "expected an array for x['a']"),
        ("{'a': np.eye(4) / 0}, np.eye(4)[0]", "expected finite numbers up to 1e+18 in x['a']"),
        ("{'a': np.eye(4)}, np.eye(3)[0]", "4 rows in x and 3 targets"),
        (
            "({'a': np.eye(4)}, np.eye(4)[0]), ({'a': np.eye(5)}, np.eye(5)[0])",
            "Received: (('a', 4),) and (('a', 5),): make them agree",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_cannot_be_inputs_is_refused(tmp_path, returned, message):
    """Lengths that differ, names that cannot be typed, values that are no numbers."""
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=returning(tmp_path, returned)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_families_that_come_along_refuse_them(source):
    """They have one input, and say what they received."""
    data = load(DataSpec(source=source))
    for family in catalog.FAMILIES:
        with pytest.raises(SpaceError, match="Received: the inputs") as caught:
            catalog.load(family).check(data.inputs, data.outputs)
        assert "first (1,), image (8, 8) and ink (2,)" in str(caught.value)


def test_rows_that_are_learned_themselves_are_one_array(source):
    """An autoencoder refuses a dict."""
    with pytest.raises(DataError, match="Received: a dict with several inputs"):
        load(DataSpec(source=source, learns="rows"))


def test_they_are_described_by_the_shape_of_each(source):
    """In the catalogue, on the command line and as JSON."""
    described, portrait = describe(source), profile_dataset(DataSpec(source=source))
    assert (described.shape, described.rows) == ((67,), 1797)
    assert described.inputs == {"first": (1,), "image": (8, 8), "ink": (2,)}
    assert portrait.columns == ()
    shown = CliRunner().invoke(main, ["datasets", source])
    line = " ".join(shown.stdout.split())
    assert "1797 rows of first 1, image 8x8, ink 2, multiclass (10)" in line
    told = CliRunner().invoke(main, ["datasets", source, "--json"])
    assert json.loads(told.stdout)["inputs"]["image"] == [8, 8]
