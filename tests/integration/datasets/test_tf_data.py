"""A function of the user's may return ``tf.data`` datasets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.datasets import DataError, DataSpec, load

pytestmark = pytest.mark.keras

CODE = """
import numpy as np
import tensorflow as tf
x, y = np.arange(60.0).reshape(30, 2), np.arange(30) % 3
rows = tf.data.Dataset.from_tensor_slices((x, y))
def ask(): return {returned}
"""


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
    found = load(source(tmp_path, "rows.map(lambda x, y: (x, y, tf.cast(y, tf.float32) + 1))"))
    np.testing.assert_array_equal(found.train.weights, found.train.y + 1)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("rows.take(0)", "Received: an empty dataset"),
        ("rows.map(lambda x, y: x)", "a dataset of pairs"),
    ],
)
def test_a_dataset_that_cannot_be_meant_is_one_clear_line(
    tmp_path: Path, returned: str, message: str
):
    with pytest.raises(DataError) as caught:
        load(source(tmp_path, returned))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
