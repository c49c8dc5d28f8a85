"""Equal fingerprints mean equal numbers in training; anything else changes them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tuner.datasets import DataSpec, load
from tuner.datasets.fingerprint import fingerprint
from tuner.datasets.raw_data import Arrays, Rows

SPEC = DataSpec(source="digits")
X = np.arange(24.0).reshape(12, 2)
Y = np.arange(12) % 2


def of(x=X, y=Y, spec=SPEC, task="binary", part="test"):
    parts = {"train": Rows(x=X, y=Y), part: Rows(x=x, y=y)}
    return fingerprint(Arrays(parts=parts), spec, task)


def test_it_is_a_sha256_that_repeats():
    """The same data give the same 32 bytes."""
    assert of() == of()
    assert len(bytes.fromhex(of())) == 32


@pytest.mark.parametrize(
    "changed",
    [
        {"x": X + (X == 5)},
        {"x": X.astype(np.float32)},
        {"x": X.reshape(12, 2, 1)},
        {"y": 1 - Y},
        {"part": "validation"},
        {"task": "classes"},
        {"spec": dataclasses.replace(SPEC, seed=1)},
        {"spec": dataclasses.replace(SPEC, validation=0.3)},
        {"spec": dataclasses.replace(SPEC, test=0.3)},
        {"spec": dataclasses.replace(SPEC, scaling="minmax")},
    ],
)
def test_whatever_changes_training_changes_it(changed):
    """Values, types, shapes, labels, parts, the task and how data are prepared."""
    assert of(**changed) != of()


def test_the_place_of_the_data_does_not_count():
    """A study goes on when its file was moved."""
    assert of(spec=dataclasses.replace(SPEC, source="elsewhere.npz")) == of()


def test_the_layout_in_memory_does_not_count():
    """Rows stored column by column are the same rows."""
    assert of(x=np.asfortranarray(X)) == of()


def test_pieces_add_up(monkeypatch):
    """However many bytes are read at once."""
    whole = of()
    monkeypatch.setattr("tuner.datasets.fingerprint._BYTES_AT_ONCE", 40)
    assert of() == whole


def test_loading_twice_gives_the_same_numbers():
    """Fingerprint, rows and labels."""
    one, other = load(SPEC), load(SPEC)
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(one.train.x, other.train.x)
    np.testing.assert_array_equal(one.test.y, other.test.y)
