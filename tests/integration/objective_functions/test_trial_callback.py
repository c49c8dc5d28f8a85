"""``TrialCallback``: any ``model.fit`` is reported, pruned and resumed."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from storage import trials
from storage.pruning import MedianRule
from storage.studies import Study
from tests.support.fork_server import Nursery
from tests.support.objectives import objective_study
from tests.support.sources import ROOT
from tests.support.working import Workplace, workplace
from tuner import datasets
from tuner.datasets import DataSpec

pytestmark = [pytest.mark.keras]

# Epochs from 0. The process is killed in the middle of one, with a checkpoint of an earlier one.
CODE = """
import os, signal
import keras, numpy as np
from optuna_integration import KerasPruningCallback
from tuner.keras import TrialCallback

class Killer(keras.callbacks.Callback):
    def __init__(self, trial, epoch, number):
        super().__init__()
        self.trial, self.at, self.number, self.epoch = trial, epoch, number, None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.trial.token == 1 and epoch == self.at:
            self.trial._surroundings.folder._checkpointer.flush()

    def on_train_batch_end(self, batch, logs=None):
        if self.trial.token == 1 and self.epoch == self.at and batch == 1:
            os.kill(os.getpid(), self.number)

class Objective:
    def __init__(self, kill=None, number=signal.SIGKILL, integration=False):
        self.kill, self.number, self.integration = kill, number, integration

    def __call__(self, trial):
        random = np.random.default_rng(0)
        x = random.normal(size=(96, 5)).astype("float32")
        y = x @ random.normal(size=(5, 1)) + random.normal(size=(96, 1))
        model = keras.Sequential([
            keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.3), keras.layers.Dense(1)
        ])
        adam = trial.number % 2
        rate = 0.03
        model.compile(
            keras.optimizers.Adam(rate) if adam else keras.optimizers.SGD(rate, momentum=0.9), "mse"
        )
        callbacks = [
            KerasPruningCallback(trial, "val_loss") if self.integration else TrialCallback(trial),
            keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=2, min_delta=0.01),
            keras.callbacks.EarlyStopping(
                "val_loss", patience=6, restore_best_weights=True, min_delta=0.005
            ),
        ]
        best = str(trial.folder / "best.weights.h5")
        callbacks.append(keras.callbacks.ModelCheckpoint(
            best, monitor="val_loss", save_best_only=True, save_weights_only=True
        ))
        if self.kill is not None:
            callbacks.append(Killer(trial, self.kill, self.number))
        history = model.fit(
            x, y, batch_size=16, epochs=24, validation_split=0.25, verbose=0, callbacks=callbacks
        )
        trial.set_user_attr("history", history.history)
        trial.set_user_attr("rate", float(model.optimizer.learning_rate.numpy()))
        trial.log_model(model)
        saved = keras.models.clone_model(model)
        saved.load_weights(best)
        saved.compile(loss="mse")
        trial.set_user_attr("saved", saved.evaluate(x[72:], y[72:], verbose=0))
        return model.evaluate(x[72:], y[72:], verbose=0)

objective = Objective
"""


@pytest.fixture(scope="module")
def place(processes: Nursery, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("place")
    with workplace(f"sqlite:///{folder / 'store.db'}", folder, processes) as made:
        yield made


def make(place: Workplace, name: str, *arguments: str, **options) -> Study:
    defaults = {"budget": 2, "lease": 2.0, "arguments": arguments}
    return objective_study(place.store, place.folder, CODE, name=name, **{**defaults, **options})


def curves(place: Workplace, study: Study) -> list[list[float]]:
    return [
        [epoch["value"] for epoch in trials.curve(place.store, record.trial_id)]
        for record in trials.list_trials(place.store, study)
    ]


def test_the_curve_after_an_interruption_is_that_without_one(place: Workplace):
    """Adam and SGD with momentum, dropout, a plateau, early stopping: killed, or asked to stop."""
    undisturbed = make(place, "undisturbed")
    place.work(undisturbed)
    expected = place.store.optuna.get_all_trials(undisturbed.study_id)
    assert min(trial.user_attrs["rate"] for trial in expected) < 0.03  # the plateau was met
    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
        study = make(place, number.name, "kill=7", f"number={number.value}")
        for _ in range(2):  # each of the trials is interrupted once
            worker = place.worker(study)
            assert worker.wait() == code, worker
        place.work(study)
        records = trials.list_trials(place.store, study)
        states = [(record.state, record.attempt) for record in records]
        assert states == [("complete", 2)] * 2, records
        for ours, whole in zip(curves(place, study), curves(place, undisturbed), strict=True):
            assert len(ours) == len(whole) > 8
            np.testing.assert_allclose(ours, whole, rtol=0, atol=1e-6)
        ended = place.store.optuna.get_all_trials(study.study_id)
        for one, other in zip(ended, expected, strict=True):
            assert one.value == pytest.approx(other.value, abs=1e-6)
            assert one.user_attrs["saved"] == pytest.approx(other.user_attrs["saved"], abs=1e-6)
            assert one.user_attrs["rate"] == other.user_attrs["rate"]
            for metric, values in other.user_attrs["history"].items():
                np.testing.assert_allclose(one.user_attrs["history"][metric], values, atol=1e-6)


def test_a_model_that_was_logged_is_exported(place: Workplace, tmp_path: Path):
    """The best trial's model is kept, and is what the objective handed over."""
    import keras

    study = make(place, "logged", keep=1)
    place.work(study)
    best, other = trials.best(place.store, study, count=2)
    assert best.model is not None
    assert other.model is None
    model = keras.saving.load_model(best.model)
    random = np.random.default_rng(0)
    x = random.normal(size=(96, 5)).astype("float32")
    y = x @ random.normal(size=(5, 1)) + random.normal(size=(96, 1))
    assert model.evaluate(x[72:], y[72:], verbose=0) == pytest.approx(best.value, abs=1e-6)


@pytest.mark.parametrize("integration", ["false", "true"], ids=["ours", "KerasPruningCallback"])
def test_it_prunes(place: Workplace, integration: str):
    """A worse trial ends at a rung, with TrialPruned out of ``fit``; as Optuna's callback does."""
    rule = MedianRule(warmup=2, startup=1).to_dict()
    study = make(
        place,
        f"pruned-{integration}",
        f"integration={integration}",
        budget=4,
        pruner=rule,
    )
    place.work(study)
    records = trials.list_trials(place.store, study)
    assert {record.state for record in records} == {"complete", "pruned"}
    assert all(record.epoch >= 2 for record in records)


def test_the_example_for_keras(place: Workplace):
    """A function that takes the data of ``--data``, and hands over its model."""
    code = (ROOT / "examples" / "objective.py").read_text()
    code = code.replace("def fit_keras", "def objective").replace("def objective", "def other", 1)
    data = DataSpec(source="digits")
    study = objective_study(
        place.store, place.folder, code.replace("EPOCHS = 10", "EPOCHS = 3"), name="example",
        budget=1, data=data, data_fingerprint=datasets.load(data).fingerprint,
    )  # fmt: skip
    place.work(study)
    (record,) = trials.list_trials(place.store, study)
    assert (record.state, record.epoch) == ("complete", 3), record.failure
    assert record.model is not None
