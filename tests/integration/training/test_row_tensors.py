"""Rows that are mapped from a file are not copied, those that fit no GPU are no constants of one.

There is no GPU: what a process asks of it is answered here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
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


@pytest.fixture
def gpu_of_64_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A GPU that has room for 8 rows, of 6 values each; bytes of the constants that are made."""
    made: list[int] = []
    constant = tf.constant

    def counted(value: Any, *args: Any, **options: Any) -> Any:
        made.append(value.nbytes if isinstance(value, np.ndarray) else 0)
        return constant(value, *args, **options)

    monkeypatch.setattr(row_tensors, "SMALL", 8 * ROW)
    monkeypatch.setattr(row_tensors, "has_gpu", lambda: True)
    monkeypatch.setattr(row_tensors, "free_gpu_memory", lambda: 64 * ROW)
    monkeypatch.setattr(tf, "constant", counted)
    for module in ("keras_epochs", "shared_graph.graph_epochs"):
        monkeypatch.setattr(f"tuner.training.{module}.VALIDATION_BATCH", 8)
    return made


ROW = 24  # bytes of five features and a target


class NotInLoops(keras.layers.Layer):
    """Can be traced, but not inside a loop."""

    def call(self, x: Any, training: bool | None = None) -> Any:
        if training and "while" in getattr(tf.compat.v1.get_default_graph(), "name", ""):
            raise TypeError("not inside a loop")
        return x


def only_stock(hyperparameters: Any, inputs: Any, outputs: Any) -> keras.Model:
    head = keras.layers.Dense(outputs.units, outputs.activation)
    return keras.Sequential([keras.Input(inputs.shape), NotInLoops(), head])


WAYS = {
    "program": {"metrics": ()},
    "graph": {"metrics": ("acc",)},
    "stock": {"build": only_stock},
}


@pytest.mark.parametrize(
    ("way", "weighted"), [("program", ()), *((way, ("train",)) for way in WAYS)]
)
def test_rows_that_do_not_fit_stay_in_memory(
    gpu_of_64_rows: list[int], way: str, weighted: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    """On every way to train: the losses are the same, and no tensor is larger than a call's."""
    data = small_data(weighted=weighted)
    with monkeypatch.context() as patch:
        patch.setattr(row_tensors, "has_gpu", lambda: False)
        whole = fit(data, BASE | {"batch_size": 7}, **WAYS[way])
    gpu_of_64_rows.clear()
    other = small_data(weighted=weighted)
    fed = fit(other, BASE | {"batch_size": 7}, **WAYS[way])
    assert fed.path.startswith({"graph": "graph of Keras's"}.get(way, way))
    assert whole.distance(fed) == pytest.approx(0.0, abs=1e-6)
    assert whole.path == fed.path
    assert not any(map(row_tensors.fits_on_device, (other.train, other.validation)))
    assert max(gpu_of_64_rows, default=0) <= 8 * ROW


def test_a_part_fits_with_room(monkeypatch: pytest.MonkeyPatch):
    """An eighth of what is free; without a word of the driver only what is small."""
    monkeypatch.setattr(row_tensors, "has_gpu", lambda: True)
    monkeypatch.setattr(row_tensors, "SMALL", 10 * ROW)
    for free, rows, fits in (
        (8 * 50 * ROW, 50, True),
        (8 * 50 * ROW - 8, 50, False),
        (None, 50, False),
        (None, 10, True),
        (0, 10, True),
    ):
        monkeypatch.setattr(row_tensors, "free_gpu_memory", lambda free=free: free)
        assert row_tensors.fits_on_device(small_data(rows=rows).train) == fits
    monkeypatch.setattr(row_tensors, "has_gpu", lambda: False)
    assert row_tensors.fits_on_device(small_data().train)
