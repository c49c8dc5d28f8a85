"""Memory that runs out, however TensorFlow and NumPy say it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from search_spaces.errors import text_of
from search_spaces.user_code.isolation import original
from tuner.errors import gist

# Keras makes another error of what a layer raises, for which some classes want more arguments.
WRAPPED = ("Exception encountered when calling ", "Error.__init__() missing ")


class OutOfMemory(Exception):
    """Memory ran out while a model was built or trained."""


@contextmanager
def raise_out_of_memory() -> Iterator[None]:
    """Turns every error that means a lack of memory into one.

    Raises:
        OutOfMemory: Memory ran out inside.
    """
    try:
        yield
    except Exception as e:
        error = original(e)
        if not _is_out_of_memory(error):
            raise
        raise OutOfMemory(gist(error)) from error


def _is_out_of_memory(error: BaseException | None) -> bool:
    if error is not None and any(words in text_of(error) for words in WRAPPED):
        return _is_out_of_memory(error.__cause__ or error.__context__)
    if isinstance(error, (tf.errors.InternalError, tf.errors.UnknownError)):
        return "out of memory" in text_of(error).lower()  # as CUDA's libraries say it
    return isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError))
