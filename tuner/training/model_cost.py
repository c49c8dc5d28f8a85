"""What a finished model costs: how many numbers it holds, how long one row takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import keras
import tensorflow as tf

from tuner.datasets.prepared_data import Part

CALLS = 9  # in a round
ROUNDS = 20  # at most, behind one that does not count: its first call traces
LONGEST = 1.0  # seconds after which no further round begins


def measure_cost(name: str, model: keras.Model, part: Part) -> float:
    """What a model costs.

    Args:
        name: One of ``tuner.studies.objective.COSTS``.
        model: It takes scaled rows.
        part: Where rows are taken from.
    """
    return COUNTED[name](model, part)


def parameters(model: keras.Model, _: Part) -> float:
    """Numbers in all weights of a model, those that are not trained among them."""
    return float(model.count_params())


def latency(model: keras.Model, part: Part) -> float:
    """Milliseconds from one scaled row to the answer, in a graph, where the model was trained.

    The lowest median of several rounds: other processes take their time from some of them.
    """
    features = tf.constant(part.x[:CALLS])
    rows = [features[i : i + 1] for i in range(len(features))]
    answer = tf.function(lambda row: model(row, training=False), reduce_retracing=True)
    _round(answer, rows)
    began = time.monotonic()
    medians = [_round(answer, rows)]
    while len(medians) < ROUNDS and time.monotonic() - began < LONGEST:
        medians.append(_round(answer, rows))
    return 1000 * min(medians)


def _round(answer: Callable[[tf.Tensor], object], rows: Sequence[tf.Tensor]) -> float:
    return median(_time(answer, row) for row in rows)


def _time(answer: Callable[[tf.Tensor], object], row: tf.Tensor) -> float:
    """Seconds until the answer is at hand."""
    began = time.perf_counter()
    for tensor in tf.nest.flatten(answer(row)):
        tensor.numpy()
    return time.perf_counter() - began


COUNTED: dict[str, Callable[[keras.Model, Part], float]] = {
    "parameters": parameters,
    "latency": latency,
}
