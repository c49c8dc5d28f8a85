"""In which numbers a model computes.

Weights, losses and metrics stay in float32 under every policy offered here, and so must a model's
last layer: a softmax in half precision loses what its loss is made of. Losses of ``mixed_float16``
are scaled by Keras's own ``LossScaleOptimizer``, which ``compile`` puts around the optimizer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from tuner.errors import UserError

WIDE = ("float32", "float64")


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Models built inside compute under a policy of Keras; its own is put back afterwards.

    Args:
        policy: One of ``tuner.studies.study_spec.PRECISIONS``.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_head(model: keras.Model, space: str) -> None:
    """Checks that what a model answers is precise enough for a loss.

    Raises:
        UserError: It answers in half precision.
    """
    if not model.built:  # of a model that was not built nobody knows what it answers
        return
    narrow = [output.dtype for output in model.outputs if output.dtype not in WIDE]
    if narrow:
        raise UserError(
            f"Expected a last layer of {space} that computes in float32. Received: {narrow[0]}, "
            "too coarse for a loss: give that layer dtype='float32'."
        )
