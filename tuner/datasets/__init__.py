"""Data sets: read, split, scaled and encoded; and the preprocessing inside exported models.

A source is read by one module in ``sources``; ``load`` turns a ``DataSpec`` into ``Data``.
TensorFlow is imported only by ``with_preprocessing``, ``keras.datasets`` and TFRecord files.
"""

from tuner.datasets.cache import load_shared
from tuner.datasets.data_outline import outline_data
from tuner.datasets.data_spec import NO_DATA, SCALINGS, TASKS, DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.preparation import load
from tuner.datasets.prepared_data import Data, Part
from tuner.datasets.preprocessing_model import with_preprocessing
from tuner.datasets.sources.source_catalog import (
    NAMES,
    Description,
    describe,
    describe_all,
    needs_keras,
    package_of,
)

__all__ = [
    "NAMES",
    "NO_DATA",
    "SCALINGS",
    "TASKS",
    "Data",
    "DataError",
    "DataSpec",
    "Description",
    "Part",
    "describe",
    "describe_all",
    "load",
    "load_shared",
    "needs_keras",
    "outline_data",
    "package_of",
    "with_preprocessing",
]
