"""What ``HyperModel.fit`` returns means the same here as in the real KerasTuner."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tuner.keras.fit_results import epoch_value, objective_values
from tuner.studies.objective import Objective

pytestmark = pytest.mark.keras


def history(**epochs: list[float]) -> keras.callbacks.History:
    made = keras.callbacks.History()
    made.history = epochs
    return made


BEST_SECOND = history(val_accuracy=[0.1, 0.7, 0.7, 0.3], val_loss=[3.0, 2.0, 1.0, 0.5])
BEST_FIRST = history(val_accuracy=[0.9, 0.2], val_loss=[0.1, 9.0])


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize(
    "returned",
    [
        0.25,
        1,
        True,
        np.float32(0.5),
        {"val_accuracy": 0.5, "val_loss": 2.0, "more": "text"},
        {"val_accuracy": np.float64(0.5), "val_loss": np.float32(2.0)},
        BEST_SECOND,
        [BEST_SECOND, BEST_FIRST],
        [0.1, 0.2, 0.6],
        [BEST_FIRST, {"val_accuracy": 0.3, "val_loss": 4.0}],
        [[0.5, 0.25], BEST_SECOND],
        history(val_accuracy=[0.5, float("nan")], val_loss=[0.5, float("nan")]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_same_score_as_keras_tuner(returned: Any, maximize: bool):
    """By its own functions, for an objective that is to be high and one that is to be low."""
    utils = pytest.importorskip("keras_tuner.src.engine.tuner_utils")
    from keras_tuner.src.engine.objective import Objective as Theirs

    name = "val_accuracy" if maximize else "val_loss"
    theirs = Theirs(name, "max" if maximize else "min")
    utils.validate_trial_results(returned, theirs, "fit()")
    expected = utils.convert_to_metrics_dict(returned, theirs)[name]
    ours = objective_values(returned, [Objective(name=name, maximize=maximize)], "Net")
    assert ours == [pytest.approx(float(expected))]


def test_more_than_keras_tuner_takes():
    """A tensor and an array without axes are numbers; an epoch without a finite value is none."""
    loss = [Objective()]
    assert objective_values(tf.constant(0.5), loss, "Net") == [0.5]
    assert objective_values(np.array(2), loss, "Net") == [2.0]
    assert objective_values({"loss": 0.5}, loss, "Net") == [0.5]
    diverged_first = history(val_loss=[float("nan"), 0.5])
    assert objective_values(diverged_first, loss, "Net") == [0.5]


def test_several_objectives_are_those_of_the_epoch_that_is_best_by_the_first():
    """Of a dict all of them; one number cannot be several."""
    both = [Objective(name="val_accuracy", maximize=True), Objective()]
    assert objective_values(BEST_SECOND, both, "Net") == [0.7, 2.0]
    assert objective_values({"val_accuracy": 0.5, "loss": 1}, both, "Net") == [0.5, 1.0]
    with pytest.raises(ValueError, match="a dict with val_accuracy, val_loss, or a list of these"):
        objective_values(0.5, both, "Net")


@pytest.mark.parametrize(
    ("name", "logs", "value"),
    [
        ("val_loss", {"loss": 1.0, "val_loss": 2.0}, 2.0),
        ("val_loss", {"loss": 1.0}, None),  # that of the training rows is another one
        ("val_accuracy", {"accuracy": 1.0}, None),
        ("val_my_metric", {"my_metric": 3.0}, 3.0),
        ("value", {"loss": 1.0, "val_loss": 2.0}, None),
    ],
)
def test_what_epochs_say_of_an_objective(name: str, logs: dict[str, float], value: float | None):
    """A name of Keras's own is that of the training rows where ``val_`` is missing."""
    assert epoch_value(name, logs) == value
