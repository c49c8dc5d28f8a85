"""Records of ``tf.train.Example`` are rows: of arrays x and y, or of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_iris

from tests.support.refusals import error_of
from tuner.datasets import DataSpec, load
from tuner.datasets.sources.source_catalog import find_source

pytestmark = pytest.mark.keras


def feature(value: Any):
    """A value, or several, as TensorFlow writes them; None as a feature without a value."""
    import tensorflow as tf

    values = np.atleast_1d([] if value is None else value)
    if values.dtype.kind == "U":
        words = [text.encode() for text in values.tolist()]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=words))
    if values.dtype.kind == "S":
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values.tolist()))
    if values.dtype.kind in "iub":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values.astype(int)))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def write(path: Path, rows: Sequence[Mapping[str, Any]], packed: str = "") -> str:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path), packed) as writer:
        for row in rows:
            features = {name: feature(value) for name, value in row.items()}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return str(path)


@pytest.mark.parametrize("packed", ["", "GZIP", "ZLIB"])
def test_x_and_y_are_those_of_arrays(tmp_path: Path, packed: str):
    """Compressed or not; rows keep their order."""
    digits = load_digits()
    x, y = digits.data[:200].astype(np.float32), digits.target[:200]
    rows = [{"x": a, "y": b} for a, b in zip(x, y, strict=True)]
    path = write(tmp_path / "digits.tfrecord", rows, packed)
    np.savez(tmp_path / "digits.npz", x=x, y=y)
    found = load(DataSpec(source=path))
    assert found.fingerprint == load(DataSpec(source=str(tmp_path / "digits.npz"))).fingerprint


def test_named_features_are_the_columns_of_a_table(tmp_path: Path):
    """As in a .csv: numbers, text, dates, gaps, groups; validation rows may be in one, too."""
    iris = load_iris(as_frame=True).frame
    iris.columns = ["sepal", "width", "petal", "depth", "kind"]
    iris["kind"] = iris["kind"].map({0: "setosa", 1: "versicolor", 2: "virginica"})
    iris["rows"], iris["field"] = range(150), [f"f{row // 5}" for row in range(150)]
    iris["size"] = np.where(iris["petal"] > 4, "large", "small")
    iris["day"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(iris["rows"], "D")).astype(str)
    records = iris.to_dict("records")
    del records[3]["size"]
    records[4]["sepal"] = records[5]["rows"] = None
    iris.loc[3, "size"] = iris.loc[4, "sepal"] = iris.loc[5, "rows"] = None
    iris["sepal"] = iris["sepal"].astype(np.float32).astype(float)
    iris[["width", "petal", "depth"]] = iris[["width", "petal", "depth"]].astype(np.float32)
    iris.astype({"width": float, "petal": float, "depth": float}).to_parquet(tmp_path / "i.parquet")
    path = write(tmp_path / "i.tfrecord", records)
    asked = {"target": "kind", "group": "field", "impute": True}
    found = load(DataSpec(source=path, **asked))
    same = load(DataSpec(source=str(tmp_path / "i.parquet"), **asked))
    assert found.encoder.kinds == same.encoder.kinds
    assert found.encoder.kinds["day"] == "date"
    assert found.columns == tuple(sorted(set(iris.columns) - {"kind", "field"}))
    for column in found.encoder.columns:
        np.testing.assert_array_equal(
            found.raw("train")[column.name], same.raw("train")[column.name]
        )
    assert len(load(DataSpec(source=path, test_data=path, **asked)).test) == 150


@pytest.mark.parametrize(
    ("rows", "target", "told"),
    [
        ([{"a": 1.0}, {"a": 2.0}], None, "expected features x and y, or --target COLUMN"),
        ([{"a": 1.0, "y": 1}, {"a": 2.0, "y": 0}], "z", "--target to be one of its columns"),
        ([{"a": [1, 2], "y": 1}], "y", "Received: 2 in 'a' of record 0"),
        ([{"x": [1, 2], "y": 1}, {"x": [1], "y": 1}], None, "2 in record 0 and 1 in record 1"),
        ([{"x": [1, 2], "y": 1}, {"x": [1.5, 2], "y": 1}], None, "int64_list and, in record 1, f"),
        ([{"x": b"\xff\xd8\xff", "y": 1}], None, "bytes that are no text, such as an image"),
        ([{"x": "word", "y": 1}], None, "expected real numbers in x. Received: text"),
        ([{}], None, "with features"),
        ([], None, "which is empty"),
    ],
)
def test_records_that_cannot_be_rows_are_told_in_a_line(tmp_path: Path, rows, target, told):
    """For lack of features, or with ones that differ from record to record."""
    path = write(tmp_path / "a.tfrecord", rows)
    assert told in error_of(path, target=target)


def test_what_is_no_record_is_told(tmp_path: Path):
    """Other files, files cut short, and records of something else."""
    import tensorflow as tf

    path = tmp_path / "a.tfrecord"
    whole = Path(write(path, [{"x": [1.0, 2.0], "y": 1}] * 5)).read_bytes()
    for content in (b"x,y\n1,2\n" * 20, whole[:-9]):
        path.write_bytes(content)
        assert "Expected a TFRecord file" in error_of(str(path))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"not an example")
    assert "expected records of tf.train.Example" in error_of(str(path))
    assert "does not exist" in error_of(str(tmp_path / "b.tfrecord"))


def test_options_of_columns_need_a_target(tmp_path: Path):
    """Without one the records are arrays and no table."""
    path = write(tmp_path / "a.tfrecord", [{"x": [1.0, 2.0], "y": 1}] * 5)
    assert "without --target" in error_of(path, impute=True)
    assert find_source("a.tfrecords").form == "FILE.tfrecord"
