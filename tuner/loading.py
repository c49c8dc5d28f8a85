"""A study's search space and data, exactly as they were when it was launched."""

from __future__ import annotations

from search_spaces import catalog, sources
from search_spaces.space import SearchSpace
from storage.errors import StoreError
from tuner import datasets
from tuner.datasets import Data
from tuner.study import StudySpec


def load_space(spec: StudySpec) -> SearchSpace:
    """The study's search space; code of the user's own is imported or compared.

    Raises:
        SpaceError: It cannot be found here.
        StoreError: It is not what it was.
    """
    space = catalog.load(spec.space, spec.overrides)
    if space.fingerprint() != spec.space_fingerprint:
        raise StoreError(
            f"Expected the search space {spec.space!r} as it was when the study was launched. "
            "Received another one: its source or the version of this program differs here."
        )
    if sources.fingerprint((*spec.metrics, *spec.callbacks)) != spec.code_fingerprint:
        raise StoreError(
            "Expected the metrics and callbacks as they were when the study was launched. "
            f"Received others: {', '.join((*spec.metrics, *spec.callbacks))} differ here."
        )
    return space


def load_data(spec: StudySpec) -> Data:
    """The study's data.

    Raises:
        DataError: They cannot be found here.
        StoreError: They are not what they were.
    """
    data = datasets.load_shared(spec.data)
    if data.fingerprint != spec.data_fingerprint:
        raise StoreError(
            f"Expected the data {spec.data.source!r} as they were when the study was launched. "
            "Received others: the source differs here."
        )
    return data
