"""TFRecord files of ``tf.train.Example``: each record a row, its features numbers or text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_columns
from tuner.errors import one_line, quoted
from tuner.suppress_output import suppress_output

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SUFFIXES = (".tfrecord", ".tfrecords")
_KINDS = ("float_list", "int64_list", "bytes_list")
_PACKED = {b"\x1f\x8b": "GZIP", b"\x78\x9c": "ZLIB", b"\x78\x01": "ZLIB", b"\x78\xda": "ZLIB"}


def frame(path: Path) -> pd.DataFrame:
    """Returns features that hold a single value each as columns, in the order of their names.

    What a record lacks is missing.

    TensorFlow is imported.

    Raises:
        DataError: A feature holds several values; else as ``arrays``.
    """
    import pandas as pd

    features, columns = _features(path), {}
    check_columns(len(features), str(path))
    for name, rows in features.items():
        for row, values in enumerate(rows):
            if values is not None and len(values) != 1:
                raise DataError(
                    f"{path}: expected a single value in every feature, as each is a column. "
                    f"Received: {len(values)} in {quoted(name)} of record {row}: write x and y "
                    "instead, and leave --target out."
                )
        plain = [None if values is None else values[0] for values in rows]
        columns[name] = pd.Series(plain) if None in plain else pd.Series(np.array(plain))
    return pd.DataFrame(columns)


def arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Returns each feature as an array ``(rows, values)``, ``(rows,)`` where there is one value.

    TensorFlow is imported.

    Raises:
        DataError: It is no TFRecord file, a record no ``tf.train.Example``; records differ in the
            kind or number of the values of a feature.
    """
    arrays_by_name = {}
    for name, rows in _features(path).items():
        lengths = [0 if values is None else len(values) for values in rows]
        if len(set(lengths)) > 1:
            other = next(row for row, length in enumerate(lengths) if length != lengths[0])
            raise DataError(
                f"{path}: expected as many values of feature {quoted(name)} in every record. "
                f"Received: {lengths[0]} in record 0 and {lengths[other]} in record {other}."
            )
        array = np.array(rows)
        arrays_by_name[name] = array[:, 0] if array.shape[1] == 1 else array
    return arrays_by_name


def _features(path: Path) -> dict[str, list[Any]]:
    """Values of each feature by record: an array of numbers, a list of text, None for nothing."""
    columns: dict[str, list[Any]] = {}
    kinds: dict[str, str] = {}
    count = 0
    for count, features in enumerate(_records(path), start=1):
        for name, feature in features.items():
            kind = feature.WhichOneof("kind")
            values = getattr(feature, kind).value if kind else ()
            rows = columns.setdefault(name, [])
            rows += [None] * (count - 1 - len(rows))
            if not values:
                continue
            if kinds.setdefault(name, kind) != kind:
                raise DataError(
                    f"{path}: expected values of one kind in feature {quoted(name)}. "
                    f"Received: {kinds[name]} and, in record {count - 1}, {kind}."
                )
            rows.append(
                _plain(values, kind, f"{path}: feature {quoted(name)} of record {count - 1}")
            )
    if not count:
        raise DataError(f"Expected a TFRecord file with records. Received: {path} with none.")
    # A record's features have no order: each process would find another one.
    return {name: columns[name] + [None] * (count - len(columns[name])) for name in sorted(columns)}


def _plain(values: Any, kind: str, where: str) -> Any:
    if kind == "int64_list":
        return np.array(values, np.int64)
    if kind == "float_list":
        return np.array(values, np.float32)
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError as e:
        raise DataError(
            f"{where}: expected numbers or text. Received: bytes that are no text, such as an "
            "image: write its numbers."
        ) from e


def _records(path: Path) -> Iterator[Any]:
    """The features of each record by name."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with suppress_output():
        import tensorflow as tf
        from google.protobuf.message import DecodeError

        with path.open("rb") as file:
            packed = _PACKED.get(file.read(2), "")
        dataset = tf.data.TFRecordDataset(str(path), compression_type=packed)
    try:
        for row, record in enumerate(dataset.as_numpy_iterator()):
            features = tf.train.Example.FromString(record).features.feature
            if not features:
                raise DataError(
                    f"{path}: expected records of tf.train.Example with features. "
                    f"Received: another one, or one without any, in record {row}."
                )
            yield features
    except DecodeError as e:
        raise DataError(
            f"{path}: expected records of tf.train.Example. Received: {one_line(e)}."
        ) from e
    except tf.errors.OpError as e:
        raise DataError(
            f"Expected a TFRecord file. Received: {path}, which is none, or damaged: write it with "
            "tf.io.TFRecordWriter."
        ) from e
