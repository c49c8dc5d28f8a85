"""Shares of rows, or of their labels, that are predicted rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.metrics.metric import BINARY, CLASSES, LABELS, SORTS, Metric, mean_of

if TYPE_CHECKING:
    import keras

    from search_spaces.shapes import Outputs

TOP_K = 5
HALF = 0.5


def _right(y: Any, p: Any) -> Any:
    from keras import ops

    return ops.cast(ops.equal(y > HALF, p > HALF), p.dtype)


def _share_right(y: Any, p: Any) -> Any:
    from keras import ops

    return ops.mean(_right(y, p), axis=-1)


def _all_right(y: Any, p: Any) -> Any:
    from keras import ops

    return ops.min(_right(y, p), axis=-1)


def _most_probable(y: Any, p: Any) -> Any:
    from keras import ops

    return ops.cast(ops.equal(ops.argmax(y, axis=-1), ops.argmax(p, axis=-1)), p.dtype)


def _among_the_first(y: Any, p: Any) -> Any:
    import keras

    return keras.metrics.top_k_categorical_accuracy(y, p, k=min(TOP_K, p.shape[-1]))


def _accuracy(outputs: Outputs) -> keras.metrics.Metric:
    return mean_of(_most_probable if outputs.task == CLASSES else _share_right)(outputs)


_OF_CLASSES = Metric(tasks=(CLASSES,), higher=True, make=mean_of(_most_probable))

METRICS = {
    "accuracy": Metric(tasks=SORTS, higher=True, make=_accuracy, also=("acc",)),
    "binary_accuracy": Metric(tasks=(BINARY, LABELS), higher=True, make=mean_of(_share_right)),
    "categorical_accuracy": _OF_CLASSES,
    "sparse_categorical_accuracy": _OF_CLASSES,
    "top_k_categorical_accuracy": Metric(
        tasks=(CLASSES,),
        higher=True,
        make=mean_of(_among_the_first),
        also=("sparse_top_k_categorical_accuracy",),
    ),
    "exact": Metric(tasks=(LABELS,), higher=True, make=mean_of(_all_right)),
}
