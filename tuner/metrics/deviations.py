"""How far predicted numbers are from the targets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tuner.metrics.metric import ALL, NOT_NEGATIVE, NOT_ZERO, NUMBERS, Metric, mean_of

if TYPE_CHECKING:
    import keras

    from search_spaces.shapes import Outputs

SMALLEST = 2.2e-16  # a target is divided by no less, as in scikit-learn


def _root(outputs: Outputs) -> keras.metrics.Metric:
    from tuner.metrics.rmse_metric import RootMeans

    return RootMeans(outputs.units)


def _r2(outputs: Outputs) -> keras.metrics.Metric:
    import keras

    return keras.metrics.R2Score(dtype="float64")


def _percentage(y: Any, p: Any) -> Any:
    from keras import ops

    return ops.mean(100 * ops.abs(y - p) / ops.maximum(ops.abs(y), SMALLEST), axis=-1)


def _logarithmic(y: Any, p: Any) -> Any:
    """Both lie above -1; an answer that does not counts as if it nearly did."""
    import keras
    from keras import ops

    lowest = keras.config.epsilon() - 1
    logarithms = [ops.log1p(ops.maximum(values, lowest)) for values in (y, p)]
    return ops.mean(ops.square(logarithms[0] - logarithms[1]), axis=-1)


def _cosine(y: Any, p: Any) -> Any:
    from keras import ops

    return ops.sum(ops.normalize(y, axis=-1) * ops.normalize(p, axis=-1), axis=-1)


_of_all = partial(Metric, tasks=ALL, higher=False, of_differences=True)
_of_numbers = partial(Metric, tasks=(NUMBERS,), higher=False)

METRICS = {
    "mse": _of_all(make=mean_of("mean_squared_error"), also=("mean_squared_error",), power=2),
    "mae": _of_all(make=mean_of("mean_absolute_error"), also=("mean_absolute_error",), power=1),
    "rmse": _of_all(make=_root, also=("root_mean_squared_error",), power=1),
    "mape": _of_numbers(
        make=mean_of(_percentage), also=("mean_absolute_percentage_error",), targets=NOT_ZERO
    ),
    "msle": _of_numbers(
        make=mean_of(_logarithmic), also=("mean_squared_logarithmic_error",), targets=NOT_NEGATIVE
    ),
    "r2": _of_numbers(higher=True, make=_r2, also=("r2_score",), of_differences=True),
    "cosine_similarity": _of_numbers(higher=True, make=mean_of(_cosine), several=True),
}
