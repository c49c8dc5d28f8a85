"""Memory that runs out, however TensorFlow and NumPy say it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from tuner.errors import gist


class OutOfMemory(Exception):
    """Memory ran out while a model was built or trained."""


@contextmanager
def exhaustion() -> Iterator[None]:
    """Turns every error that means a lack of memory into one.

    Raises:
        OutOfMemory: Memory ran out inside.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as e:
        raise OutOfMemory(gist(e)) from e
    except (tf.errors.InternalError, tf.errors.UnknownError) as e:
        if "out of memory" not in str(e).lower():  # as CUDA's libraries say it
            raise
        raise OutOfMemory(gist(e)) from e
