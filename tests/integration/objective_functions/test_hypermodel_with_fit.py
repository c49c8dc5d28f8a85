"""``HyperModel`` classes with a ``fit`` of their own: unchanged, reported, pruned, resumed."""

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

pytestmark = [
    pytest.mark.keras,
    pytest.mark.filterwarnings("ignore:(currentThread|getName)..:DeprecationWarning"),
]

DIGITS = DataSpec(source="digits")

# The worker is killed in the middle of an epoch of the second fit, with a checkpoint before it.
TWO_PHASES = """
import os, signal
import keras
import keras_tuner as kt
import tuner

class Killer(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, trial = epoch, tuner.current_trial()
        if trial.token == 1 and epoch == 2:
            trial._surroundings.folder._checkpointer.flush()

    def on_train_batch_end(self, batch, logs=None):
        if tuner.current_trial().token == 1 and self.epoch == 2 and batch == 1:
            os.kill(os.getpid(), signal.SIGKILL)

class Net(kt.HyperModel):
    def __init__(self, killed=False, classes=10):
        super().__init__()
        self.killed, self.classes = killed, classes

    def build(self, hp):
        model = keras.Sequential([
            keras.Input((64,)),
            keras.layers.Dense(hp.Int("units", 16, 32, step=16), "relu", name="body"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(self.classes, "softmax"),
        ])
        model.get_layer("body").trainable = False
        self.compile(model, 0.01)
        return model

    def compile(self, model, rate):
        loss = "categorical_crossentropy"
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])

    def fit(self, hp, model, *args, callbacks, **kwargs):
        kwargs |= dict(batch_size=hp.Choice("batch_size", [64, 128]), verbose=0)
        first = model.fit(*args, callbacks=callbacks, **kwargs)
        model.get_layer("body").trainable = True
        self.compile(model, hp.Float("rate", 1e-4, 1e-2, sampling="log"))
        plateau = keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=0.01)
        killer = [Killer()] if self.killed else []
        second = model.fit(*args, callbacks=[plateau, *callbacks, *killer], **kwargs)
        trial = tuner.current_trial()
        trial.set_user_attr("history", [first.history, second.history])
        return second

objective = Net
"""


@pytest.fixture(scope="module")
def place(processes: Nursery, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("place")
    with workplace(f"sqlite:///{folder / 'store.db'}", folder, processes) as made:
        yield made


def make(place: Workplace, name: str, code: str, *arguments: str, **options) -> Study:
    defaults = {
        "budget": 1,
        "lease": 2.0,
        "arguments": arguments,
        "data": DIGITS,
        "data_fingerprint": datasets.load(DIGITS).fingerprint,
        "objective": "val_loss",
    }
    return objective_study(place.store, place.folder, code, name=name, **{**defaults, **options})


def test_two_fits_after_a_kill_have_the_curve_of_undisturbed_ones(place: Workplace):
    """One callback serves both; histories are whole, and the best epoch's model is kept."""
    import keras

    undisturbed = make(place, "undisturbed", TWO_PHASES, "epochs=4")
    killed = make(place, "killed", TWO_PHASES, "epochs=4", "killed=true")
    place.work(undisturbed)
    worker = place.worker(killed)
    assert worker.wait() == -signal.SIGKILL, worker
    place.work(killed)
    ours, whole = (trials.list_trials(place.store, study)[0] for study in (killed, undisturbed))
    assert (ours.state, ours.attempt, ours.epoch) == ("complete", 2, 8), ours.failure
    assert (whole.state, whole.attempt, whole.epoch) == ("complete", 1, 8), whole.failure
    assert set(whole.hyperparameters) == {"units", "batch_size", "rate"}
    assert ours.hyperparameters == whole.hyperparameters
    curves = [trials.curve(place.store, record.trial_id) for record in (ours, whole)]
    assert [row["step"] for row in curves[0]] == list(range(8))
    values = [[row["val_loss"] for row in curve] for curve in curves]
    np.testing.assert_allclose(*values, rtol=0, atol=1e-6)
    (one,), (other,) = (
        place.store.optuna.get_all_trials(study.study_id) for study in (killed, undisturbed)
    )
    histories = [trial.user_attrs["history"] for trial in (one, other)]
    for mine, theirs in zip(*histories, strict=True):
        for metric, epochs in theirs.items():
            np.testing.assert_allclose(mine[metric], epochs, atol=1e-6)
    second = histories[0][1]["val_loss"]
    assert one.value == pytest.approx(min(second), abs=1e-6)  # KerasTuner's score of a History
    data = datasets.load(DIGITS)
    targets = np.eye(10)[data.validation.y]
    scores = [
        keras.saving.load_model(record.model).evaluate(data.validation.x, targets, verbose=0)[0]
        for record in (ours, whole)
    ]
    assert scores == pytest.approx([min(values[1])] * 2, abs=1e-5)


# As in KerasTuner's guide "Tune hyperparameters in your custom training loop".
GRADIENT_TAPE = """
import keras
import keras_tuner as kt
import tensorflow as tf

class Net(kt.HyperModel):
    def build(self, hp):
        return keras.Sequential([
            keras.Input((64,)), keras.layers.Dense(hp.Int("units", 8, 16), "relu"),
            keras.layers.Dense(10),
        ])

    def fit(self, hp, model, x, y, validation_data, callbacks=None, **kwargs):
        rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(hp.Int("batch_size", 128, 256))
        optimizer = keras.optimizers.Adam(hp.Float("learning_rate", 1e-3, 1e-2, sampling="log"))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        for callback in callbacks:
            callback.set_model(model)
        best = float("inf")
        for epoch in range(3):
            for batch, targets in rows:
                with tf.GradientTape() as tape:
                    value = loss(targets, model(batch, training=True))
                gradients = tape.gradient(value, model.trainable_variables)
                optimizer.apply_gradients(zip(gradients, model.trainable_variables))
            error = float(loss(validation_data[1], model(validation_data[0])))
            for callback in callbacks:
                callback.on_epoch_end(epoch, logs={"my_metric": error})
            best = min(best, error)
        return best

objective = Net
"""


def test_a_loop_of_its_own_that_returns_a_number(place: Workplace):
    """It is reported and pruned, its best model is kept, its epochs may be called as it likes."""
    import keras

    rule = MedianRule(warmup=1, startup=1)
    study = make(
        place,
        "tape",
        GRADIENT_TAPE,
        budget=4,
        objective="val_my_metric",
        pruner=rule.to_dict(),
        keep=1,
    )
    place.work(study)
    records = trials.list_trials(place.store, study)
    assert {record.state for record in records} == {"complete", "pruned"}, records[0].failure
    whole = next(record for record in records if record.state == "complete")
    curve = [row["val_my_metric"] for row in trials.curve(place.store, whole.trial_id)]
    assert whole.value == pytest.approx(min(curve))
    assert len(curve) == 3
    best = trials.best(place.store, study)[0]
    model, data = keras.saving.load_model(best.model), datasets.load(DIGITS)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    error = float(loss(data.validation.y, model(data.validation.x)))
    assert error == pytest.approx(best.value, abs=1e-5)


def test_a_trial_that_ran_out_of_time_has_its_model(place: Workplace):
    """It is complete with what it has reported by then; here after its first epoch."""
    late = "import tuner; tuner.current_trial()._surroundings.interruptions._deadline = 0.0"
    code = GRADIENT_TAPE.replace("        best = float", f"        {late}\n        best = float")
    study = make(place, "late", code, objective="val_my_metric")
    place.work(study)
    (record,) = trials.list_trials(place.store, study)
    assert (record.state, record.epoch) == ("complete", 1), record.failure
    assert record.failure.kind == "timeout"
    assert record.model is not None


RETURNS = """
import keras

class Net:
    def build(self, hp):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    def fit(self, hp, model, **kwargs):
        return RETURNED[hp.Choice("which", list(range(len(RETURNED))))]

RETURNED = [{returned}]
objective = Net
"""


@pytest.mark.parametrize(
    ("returned", "kind", "words"),
    [
        ("'text'", "error", "Expected fit() of objective to return what model.fit() returns, a "),
        ("None", "error", "Received: None."),
        ("float('nan')", "diverged", "the objective is not finite: nan"),
        ("{'val_accuracy': 0.5}", "error", "Expected a number by the name of val_loss in the dict"),
        ("keras.callbacks.History()", "error", "Received: no epoch: hand validation_data on to"),
        ("[]", "error", "Received: []."),
        ("[0.5, 'text']", "error", "Received: 'text'."),
    ],
)
def test_what_is_no_value_fails_in_one_line(place: Workplace, returned: str, kind: str, words: str):
    """It says what fit() may return."""
    study = make(
        place, f"returns-{abs(hash(returned))}", RETURNS.replace("{returned}", returned),
        data=DataSpec(source="none"), data_fingerprint="",
    )  # fmt: skip
    place.work(study)
    (record,) = trials.list_trials(place.store, study)
    assert record.state == "failed"
    assert record.failure.kind == kind
    assert words in record.failure.message
    assert len(record.failure.message) < 300
    assert "\n" not in record.failure.message


def test_a_model_that_cannot_be_saved_leaves_the_trial_its_value(place: Workplace):
    """The failure says so; nothing else is lost."""
    code = RETURNS.replace("{returned}", "0.25").replace(
        "keras.layers.Dense(1)]", "keras.layers.Lambda(len, output_shape=(1,)), Bad(1)]"
    )
    code = code.replace(
        "class Net",
        "class Bad(keras.layers.Dense):\n    def get_config(self): 1 / 0\n\nclass Net",
        1,
    ).replace("keras.layers.Lambda(len, output_shape=(1,)), ", "")
    study = make(place, "unsaved", code, data=DataSpec(source="none"), data_fingerprint="")
    place.work(study)
    (record,) = trials.list_trials(place.store, study)
    assert (record.state, record.value, record.model) == ("complete", 0.25, None), record.failure
    assert record.failure.kind == "unsaved"
    assert "ZeroDivisionError" in record.failure.message


def test_the_same_values_as_keras_tuner(place: Workplace, tmp_path: Path):
    """A training without chance, by the real package and by a trial of ours: the same score."""
    kt = pytest.importorskip("keras_tuner")
    file = place.folder / "alike.py"
    code = """
    import keras
    import keras_tuner as kt

    class Net(kt.HyperModel):
        def build(self, hp):
            model = keras.Sequential([
                keras.Input((64,)), keras.layers.Dense(10, "softmax", kernel_initializer="zeros"),
            ])
            model.compile(
                keras.optimizers.SGD(hp.Float("rate", 0.01, 1.0, step=0.01)),
                "sparse_categorical_crossentropy", metrics=["accuracy"],
            )
            return model

        def fit(self, hp, model, *args, **kwargs):
            size = hp.Choice("batch_size", [64, 256])
            return [
                model.fit(*args, batch_size=size, shuffle=False, verbose=0, **kwargs),
                {"val_accuracy": 0.5, "val_loss": 1},
            ]

    objective = Net
    """
    study = make(
        place, "alike", code, "epochs=3", budget=2, objective="val_accuracy", maximize=True
    )
    place.work(study)
    from search_spaces import catalog

    net = catalog.load(f"{file}:objective")._hypermodel
    data = datasets.load(DIGITS)
    for record in trials.list_trials(place.store, study):
        hp = kt.HyperParameters()
        for name, value in record.hyperparameters.items():
            hp.Fixed(name, value)
        search = kt.RandomSearch(
            net, "val_accuracy", 1, hyperparameters=hp, tune_new_entries=False,
            directory=tmp_path, project_name=str(record.number),
        )  # fmt: skip
        search.search(
            data.train.x, data.train.y, epochs=3,
            validation_data=(data.validation.x, data.validation.y),
        )  # fmt: skip
        theirs = search.oracle.get_best_trials()[0]
        assert theirs.score is not None, theirs.message
        assert theirs.score == pytest.approx(record.value, abs=1e-6)


def test_the_example(place: Workplace):
    """The class in examples/ does what it says."""
    code = (ROOT / "examples" / "hypermodel.py").read_text()
    study = make(
        place, "example", f"{code}\nobjective = Net\n", "epochs=2",
        objective="val_accuracy", maximize=True,
    )  # fmt: skip
    place.work(study)
    (record,) = trials.list_trials(place.store, study)
    assert (record.state, record.epoch) == ("complete", 4), record.failure
    assert record.value > 0.5
    assert record.model is not None
