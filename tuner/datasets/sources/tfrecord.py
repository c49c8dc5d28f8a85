"""TFRecord files: arrays ``x`` and ``y`` by record, or the columns of a table."""

from __future__ import annotations

from tuner.datasets import tfrecords
from tuner.datasets.arrays import Arrays, from_names
from tuner.datasets.errors import DataError
from tuner.datasets.files import require_file
from tuner.datasets.sources import table
from tuner.datasets.spec import DataSpec

FORM = "FILE.tfrecord"
SUMMARY = "records of tf.train.Example with x and y, or with columns and --target COLUMN"
TAKES_TARGET = True


def accepts(source: str) -> bool:
    """Whether the source ends in ``.tfrecord`` or ``.tfrecords``."""
    return source.endswith(tfrecords.SUFFIXES)


def read(spec: DataSpec) -> Arrays:
    """Returns the columns of a table where a target is named, else the arrays ``x`` and ``y``.

    TensorFlow is imported.

    Raises:
        DataError: As ``table.read``; or there is neither a target nor x and y.
    """
    if spec.target is not None:
        return table.read(spec)
    asked = spec.weights or spec.group or spec.split_by_time or spec.text or spec.impute
    named = tfrecords.arrays(require_file(spec.source))
    if asked or not {"x", "y"} <= set(named):
        raise DataError(
            f"{spec.source}: expected features x and y, or --target COLUMN and options of columns "
            f"beside it. Received: {', '.join(sorted(named))} without --target: add it."
        )
    return from_names(named, spec.source)
