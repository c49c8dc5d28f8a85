"""Rows that are mapped from a file are not copied into tensors; the losses are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.support.fits import BASE, fit, small_data
from tuner.datasets.prepared_data import Part
from tuner.training import row_tensors

pytestmark = pytest.mark.keras


def mapped(part: Part, folder: Path) -> Part:
    """The same rows, from files."""
    arrays = {}
    for name in ("x", "y"):
        path = folder / f"{id(part)}-{name}.npy"
        np.save(path, getattr(part, name))
        arrays[name] = np.load(path, mmap_mode="c")
    return Part(**arrays)


def memory_of(tensor: Any) -> np.ndarray:
    return np.asarray(memoryview(tensor))


def test_tensors_stand_on_mapped_memory(tmp_path: Path):
    """On a CPU, whose memory it is; arrays of our own may be changed and are copied."""
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU has memory of its own")
    own = small_data().train
    part = mapped(own, tmp_path)
    for tensor, array in zip(row_tensors.tensors(part), (part.x, part.y), strict=True):
        assert np.shares_memory(memory_of(tensor), array)
    assert not np.shares_memory(memory_of(row_tensors.tensors(own)[0]), own.x)
    assert row_tensors.tensors(part) is row_tensors.tensors(part)


@pytest.mark.parametrize("metrics", [(), ("acc",)], ids=["program", "Keras's steps"])
def test_losses_are_the_same(tmp_path: Path, metrics: tuple[str, ...]):
    """On every way to train."""
    data, other = small_data(), small_data()
    for name in ("train", "validation", "test"):
        setattr(other, name, mapped(getattr(data, name), tmp_path))
    ours, theirs = fit(data, BASE, metrics=metrics), fit(other, BASE, metrics=metrics)
    assert ours.distance(theirs) == 0.0
    assert ours.path == theirs.path
