"""Deterministic models from anybody's ``build()``.

Keras draws the seeds of initialisers and dropout layers that are given none from Python's own
generator. Seeding that one is enough; ``keras.utils.set_random_seed`` would also throw away
every traced function of the process.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Models built inside get the same initial weights at every call.

    Args:
        seed: In [0, 2**32).
    """
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def stream_seed(seed: int, epoch: int) -> NDArray[np.int32]:
    """What decides the random numbers of a stream's pass, one number in an array."""
    return np.random.default_rng([seed, epoch]).integers(2**31, size=1).astype(np.int32)


def batch_order(seed: int, epoch: int, rows: int) -> NDArray[np.int32]:
    """The order of the training rows in an epoch, shape ``(rows,)``.

    It follows from its arguments alone, so that no state needs to be saved.
    """
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)
