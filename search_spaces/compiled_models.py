"""What a model was compiled with, which Keras keeps in private attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """Returns the arguments of ``compile`` that a compiled model was given, as they were.

    What only makes ``fit`` faster is left out: ``jit_compile``, ``steps_per_execution``.
    """
    metrics = model._compile_metrics
    return {
        "optimizer": model.optimizer,
        "loss": model.loss,
        "loss_weights": model._compile_loss._user_loss_weights if model._compile_loss else None,
        "metrics": metrics._user_metrics if metrics else None,
        "weighted_metrics": metrics._user_weighted_metrics if metrics else None,
        "run_eagerly": model.run_eagerly,
    }
