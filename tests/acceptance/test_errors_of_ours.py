"""Users' code that raises errors of our own classes: each costs its trial, and nothing else."""

from __future__ import annotations

import pytest

from search_spaces import catalog
from search_spaces.user_code import source_files
from storage import logs, studies, trial_actions, trials
from tests.support.working import Workplace, attempts

pytestmark = [pytest.mark.keras, pytest.mark.slow]

CODE = '''
"""Raises an error of a kind at a place."""

import keras
import optuna
import tensorflow as tf

from search_spaces.errors import SpaceError
from storage.errors import LeaseLost, StoreLost, StoreUnreachable, StudyGone
from tuner.errors import UserError
from tuner.training import OutOfMemory
from tuner.training.model_size import Oversized


class Mine(StoreUnreachable):
    pass


def exhausted(text):
    return tf.errors.ResourceExhaustedError(None, None, text)


ERRORS = {e.__name__: e for e in (
    StoreUnreachable, Mine, StoreLost, StudyGone, LeaseLost, SpaceError, UserError, OutOfMemory,
    Oversized, StopIteration, GeneratorExit, SystemExit, KeyboardInterrupt, MemoryError, exhausted,
    optuna.TrialPruned)}
PLACES = ["build", "count", "layer", "callback", "metric"]


def fail(place):
    error, chosen_place = keras.chosen_by_test  # this file is a module for each of its functions
    if chosen_place == place:
        raise ERRORS[error](f"{error} in {place}")


class Net(keras.Model):
    def count_params(self):
        fail("count")
        return super().count_params()


class Layer(keras.layers.Layer):
    def call(self, x):
        if not isinstance(x, keras.KerasTensor):
            fail("layer")
        return x


class Callback(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        fail("callback")


def metric(y_true, y_pred):
    fail("metric")
    return keras.ops.mean(y_pred)


def build(trial, inputs, outputs):
    keras.chosen_by_test = [
        trial.suggest_categorical("error", list(ERRORS)),
        trial.suggest_categorical("place", [*PLACES, "none"]),
    ]
    fail("build")
    rows = keras.Input(inputs.shape)
    out = keras.layers.Dense(outputs.units, outputs.activation)(Layer()(rows))
    return Net(rows, out)
'''
MEMORY = ("MemoryError", "exhausted")
OURS = ("StoreUnreachable", "Mine", "StoreLost", "StudyGone", "LeaseLost", "SpaceError",
        "UserError", "OutOfMemory", "Oversized", "TrialPruned")  # fmt: skip
OTHERS = ("StopIteration", "GeneratorExit", "SystemExit", "KeyboardInterrupt", *MEMORY)
CASES = [("StoreUnreachable", "none")]
CASES += [(error, "build") for error in (*OURS, *OTHERS)]
CASES += [
    ("StoreUnreachable", "count"),
    ("StudyGone", "layer"),
    ("StopIteration", "layer"),
    ("exhausted", "layer"),
    ("StoreUnreachable", "callback"),
    ("Mine", "callback"),
    ("StudyGone", "callback"),
    ("LeaseLost", "callback"),
    ("TrialPruned", "callback"),
    ("OutOfMemory", "callback"),
    ("StoreLost", "metric"),
    ("GeneratorExit", "metric"),
]


def test_no_error_of_users_code_is_taken_for_ours(place: Workplace):
    """Whatever its class, wherever it is raised: the trial failed, and the worker goes on.

    A store that is away would be waited for, a study that is gone would end the worker.
    """
    source = place.folder / "ours.py"
    source.write_text(CODE)
    name = f"{source}:build"
    overrides = ("optimizer=sgd", "learning_rate=0.01", "batch_size=256", "epochs=1")
    study = place.study(
        "ours",
        budget=len(CASES),
        space=name,
        overrides=overrides,
        lease=30.0,
        metrics=(f"{source}:metric",),
        callbacks=(f"{source}:Callback",),
        code_fingerprint=source_files.fingerprint([f"{source}:metric", f"{source}:Callback"]),
    )
    space = catalog.load(name, overrides)
    for error, where in CASES:
        chosen = {"error": error, "place": where, "learning_rate": 0.01}
        trial_actions.enqueue(place.store, study, space.encode(chosen))
    place.work(study)
    first, *failed = trials.list_trials(place.store, study)
    text = "".join(entry.text for entry in logs.read(place.store, study))
    assert first.state == "complete", (first.failure, text)
    assert studies.refresh(place.store, study).state == "finished"
    outcomes = {}
    for record in failed:
        assert record.failure is not None, record
        case = (record.hyperparameters["error"], record.hyperparameters["place"])
        outcomes[case] = (record.state, record.failure.kind)
        if case != ("exhausted", "layer"):  # Keras, which adds to the text, loses it
            assert f"{case[0]} in {case[1]}" in record.failure.message
        if record.failure.kind == "error":
            assert "ours.py" in (record.failure.traceback or "")
    assert outcomes == {
        case: ("failed", "out_of_memory" if case[0] in MEMORY else "error")
        for case in CASES
        if case[1] != "none"
    }
    assert len(attempts(place.store, study)) == len(CASES)
