"""A function of the user's may return ``tf.data`` datasets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.sources import held_rows
from tuner.resources import memory

pytestmark = pytest.mark.keras

CODE = """
import numpy as np
import tensorflow as tf
x, y = np.arange(60.0).reshape(30, 2), np.arange(30) % 3
rows = tf.data.Dataset.from_tensor_slices((x, y))
def make():
    while True:
        yield from zip(x, y)
def endless():
    kinds = tf.TensorSpec([2], tf.float64), tf.TensorSpec([], tf.int64)
    return tf.data.Dataset.from_generator(make, output_signature=kinds)
def stops(x, y): raise SystemExit
def ask(): return {returned}
"""


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset that does not say how many rows it has may have a hundred."""
    monkeypatch.setattr(held_rows, "MOST_ROWS", 100)


def source(folder: Path, returned: str) -> DataSpec:
    (folder / "mine.py").write_text(CODE.format(returned=returned))
    return DataSpec(source=f"{folder / 'mine.py'}:ask")


@pytest.mark.parametrize(
    "returned", ["rows", "rows.batch(7)", "rows.map(lambda x, y: (x, y)).prefetch(2)"]
)
def test_its_rows_are_those_of_arrays(tmp_path: Path, returned: str):
    """In batches or one by one."""
    found = load(source(tmp_path, returned))
    assert found.fingerprint == load(source(tmp_path, "x, y")).fingerprint


def test_two_are_a_training_and_a_test_part(tmp_path: Path):
    """Also where one is batched."""
    found = load(source(tmp_path, "(rows.take(24), rows.skip(24).batch(4))"))
    np.testing.assert_array_equal(found.raw("test"), np.arange(48.0, 60).reshape(6, 2))


@pytest.mark.parametrize("batched", ["", ".batch(7)"])
def test_rows_may_have_several_inputs(tmp_path: Path, batched: str):
    """As a dict, in batches or one by one."""
    named = "rows.map(lambda x, y: ({'sum': x[0] + x[1], 'both': x}, y))"
    found = load(source(tmp_path, named + batched))
    arrays = load(source(tmp_path, "({'both': x, 'sum': x.sum(axis=1)}, y)"))
    assert found.inputs.shapes == {"both": (2,), "sum": (1,)}
    assert found.fingerprint == arrays.fingerprint


def test_rows_may_bring_weights(tmp_path: Path):
    """As the third of each; those of a part are divided by their mean."""
    found = load(source(tmp_path, "rows.map(lambda x, y: (x, y, tf.cast(y, tf.float32) + 1))"))
    proportions = found.train.y + 1
    np.testing.assert_allclose(found.train.weights, proportions / proportions.mean(), rtol=1e-6)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("rows.take(0)", "Received: an empty dataset"),
        ("rows.map(lambda x, y: x)", "a dataset of pairs"),
        ("rows.repeat()", "one that repeats forever: leave out repeat()"),
        ("rows.repeat().batch(7)", "one that repeats forever"),
        ("(rows, rows.repeat())", "one that repeats forever"),
        ("endless()", "did not end after 100 rows"),
        ("endless().batch(7).prefetch(1)", "did not end after 100 rows"),
        ("rows.map(stops)", "SystemExit"),
    ],
)
def test_a_dataset_that_cannot_be_meant_is_one_clear_line(
    tmp_path: Path, returned: str, message: str
):
    """An empty one, or one without targets."""
    with pytest.raises(DataError) as caught:
        load(source(tmp_path, returned))
    assert message in str(caught.value)
    assert "mine.py:ask" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300 + len(str(tmp_path))


def test_who_says_how_many_rows_there_are_may_have_any_number(tmp_path: Path):
    """Of a generator, too."""
    sized = "endless().take(120).apply(tf.data.experimental.assert_cardinality(120))"
    found = load(source(tmp_path, sized))
    assert len(found.train) + len(found.validation) + len(found.test) == 120


def test_rows_that_do_not_fit_into_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Before the kernel ends the process."""
    monkeypatch.setattr(memory, "available", lambda: 500)
    with pytest.raises(DataError, match="rows that fit into memory"):
        load(source(tmp_path, "rows"))
