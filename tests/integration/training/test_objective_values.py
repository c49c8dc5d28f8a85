"""A finished model by all objectives of its study: metrics of its best epoch, and its costs."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from storage.outcomes import Outcome
from tests.support.fits import COLUMNS, small_data
from tuner import training
from tuner.studies.objective import make_objectives
from tuner.training import model_cost
from tuner.trials.objective_values import measure_objectives

pytestmark = pytest.mark.keras

DATA: Any = small_data("classes", 3)
NAP = 0.02  # seconds
COMPLETE = Outcome(state="complete", value=0.5, metrics={"val_loss": 0.5, "val_accuracy": 0.75})


class Clock:
    """Time passes in naps alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    perf_counter = monotonic


class Nap(keras.layers.Layer):
    """Takes its time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.py_function(self._nap, [x], x.dtype), x.shape)

    def _nap(self, x: tf.Tensor) -> tf.Tensor:
        self._clock.now += NAP
        return x


def model(*layers: keras.Layer) -> keras.Model:
    x = keras.Input((COLUMNS,))
    y = x
    for layer in layers:
        y = layer(y)
    return keras.Model(x, keras.layers.Dense(3)(y))


def further(*names: str) -> tuple[Any, ...]:
    return make_objectives(["loss", *names])[1:]


def test_every_weight_counts():
    """Also those that do not train: the means and variances of four units."""
    counted = model(keras.layers.Dense(4), keras.layers.BatchNormalization())
    weights = (COLUMNS * 4 + 4) + 4 * 4 + (4 * 3 + 3)
    assert training.measure_cost("parameters", counted, DATA.validation) == weights


def test_latency_is_in_milliseconds_for_one_row(monkeypatch: pytest.MonkeyPatch):
    """What a layer takes is in it once, however many rows the part has."""
    clock = Clock()
    monkeypatch.setattr(model_cost, "time", clock)
    slow = training.measure_cost("latency", model(Nap(clock)), DATA.validation)
    assert slow == pytest.approx(1000 * NAP)


def test_a_part_of_one_row_is_enough():
    """To measure the latency with."""
    assert training.measure_cost("latency", model(), DATA.validation.first(1)) > 0


def test_measuring_leaves_a_model_as_it_is():
    """No dropout, no statistics of a batch."""
    measured = model(keras.layers.BatchNormalization(), keras.layers.Dropout(0.5))
    before = [weight.numpy() for weight in measured.weights]
    training.measure_cost("latency", measured, DATA.validation)
    for old, new in zip(before, measured.weights, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_a_complete_trial_gets_all_values_in_their_order():
    """Costs are measured, metrics were."""
    names = further("parameters", "accuracy")
    assert measure_objectives(COMPLETE, names, model(), DATA).further == (COLUMNS * 3 + 3, 0.75)


def test_a_pruned_trial_has_no_value_at_all():
    """Not even of the first objective: Optuna wants all of them or none."""
    pruned = measure_objectives(
        Outcome(state="pruned", value=0.5), further("parameters"), model(), DATA
    )
    assert (pruned.state, pruned.value, pruned.further) == ("pruned", None, ())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_without_a_finite_value_of_each_objective_a_trial_failed(value: float):
    """Samplers keep away from what diverged."""
    odd = Outcome(state="complete", value=0.5, metrics={"val_auc": value})
    failed = measure_objectives(odd, further("parameters", "auc"), model(), DATA)
    assert (failed.state, failed.further) == ("failed", ())
    assert failed.failure is not None
    assert failed.failure.kind == "diverged"
    assert failed.failure.message == "not finite at the best epoch: validation auc"
