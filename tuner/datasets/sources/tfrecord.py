"""TFRecord files: arrays ``x`` and ``y`` by record, or the columns of a table."""

from __future__ import annotations

from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.raw_data import Arrays, from_names
from tuner.datasets.sources import table, tf_examples
from tuner.datasets.sources.source import Source, one_file
from tuner.datasets.sources.user_files import require_file


def accepts(source: str) -> bool:
    """Whether the source ends in ``.tfrecord`` or ``.tfrecords``."""
    return source.endswith(tf_examples.SUFFIXES)


def read(spec: DataSpec) -> Arrays:
    """Returns the columns of a table where a target is named, else the arrays ``x`` and ``y``.

    TensorFlow is imported.

    Raises:
        DataError: As ``table.read``; or there is neither a target nor x and y.
    """
    if spec.target is not None:
        return table.read(spec)
    has_column_options = (
        spec.weights or spec.group or spec.split_by_time or spec.text or spec.impute
    )
    features = tf_examples.arrays(require_file(spec.source))
    if has_column_options or not {"x", "y"} <= set(features):
        raise DataError(
            f"{spec.source}: expected features x and y, or --target COLUMN and options of columns "
            f"beside it. Received: {', '.join(sorted(features))} without --target: add it."
        )
    return from_names(features, spec.source)


SOURCE = Source(
    form="FILE.tfrecord",
    summary="records of tf.train.Example with x and y, or with columns and --target COLUMN",
    accepts=accepts,
    read=read,
    takes_target=True,
    files=one_file,
)
