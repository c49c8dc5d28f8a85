"""Data sets: named, loaded, divided, scaled, and packed into the models that leave the project.

A source is read by one module in ``sources``; ``load`` turns a ``DataSpec`` into ``Data``. Nothing
here imports TensorFlow, except ``deployable`` when it is called, and sets that Keras reads.
"""

from tuner.datasets.catalogue import NAMES, Description, describe, describe_all, needs_keras
from tuner.datasets.data import Data, Part
from tuner.datasets.deploy import deployable
from tuner.datasets.errors import DataError
from tuner.datasets.loading import load
from tuner.datasets.shared import load_shared
from tuner.datasets.spec import SCALINGS, TASKS, DataSpec

__all__ = [
    "NAMES",
    "SCALINGS",
    "TASKS",
    "Data",
    "DataError",
    "DataSpec",
    "Description",
    "Part",
    "deployable",
    "describe",
    "describe_all",
    "load",
    "load_shared",
    "needs_keras",
]
