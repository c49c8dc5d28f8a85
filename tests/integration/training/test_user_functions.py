"""Losses, metrics and callbacks of a user's own: those of the example, as Keras computes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from search_spaces.errors import SpaceError
from tests.support.fits import BASE, Fit, Interrupting, fit, small_data, stock_fit
from tests.support.sources import ROOT
from tuner.errors import UserError
from tuner.metrics import METRICS, Metric, mean_of
from tuner.studies.objective import Objective
from tuner.training import check_callbacks, check_loss, check_metrics, losses

pytestmark = pytest.mark.keras

OWN = ROOT / "examples" / "own.py"
BINARY, CLASSES, NUMBERS = small_data("binary", 1), small_data(), small_data("regression", 2)


@pytest.mark.parametrize(
    ("name", "data"), [("dice", CLASSES), ("dice", BINARY), ("shortage", NUMBERS)]
)
def test_a_loss_of_rows_is_traced_as_ours_are(name: str, data: Any) -> None:
    """With the losses and weights of stock fit."""
    hyperparameters = {**BASE, "loss": f"{OWN}:{name}"}
    ours = fit(data, hyperparameters)
    assert ours.path.startswith("program")
    assert ours.distance(stock_fit(data, hyperparameters)) < 1e-5
    again = losses.named(f"{OWN}:{name}", data.outputs)
    assert again is losses.named(f"{OWN}:{name}", data.outputs)  # so that trials share a trace


def test_the_example_losses_are_what_they_say() -> None:
    """Dice of a perfect answer is 0; a shortage costs four times an excess."""
    check = {"dice": (np.eye(3), np.eye(3), 0.0), "shortage": ([[2.0]], [[1.0]], 4.0)}
    namespace: dict[str, Any] = {}
    exec(OWN.read_text(), namespace)
    for name, (y_true, y_pred, expected) in check.items():
        value = namespace[name](*(keras.ops.convert_to_tensor(y) for y in (y_true, y_pred)))
        assert np.allclose(value, expected)
    assert np.allclose(namespace["shortage"](np.array([[1.0]]), np.array([[2.0]])), 1.0)
    assert np.allclose(namespace["profit"](np.array([[1.0], [0.0]]), np.full((2, 1), 0.5)), [9, -1])


def test_a_loss_of_a_whole_batch_is_left_to_keras(tmp_path: Path) -> None:
    """Its mean over batches is Keras's to take."""
    file = tmp_path / "batch.py"
    file.write_text("import keras\ndef spread(t, p): return keras.ops.mean((t - p) ** 2)\n")
    hyperparameters = {**BASE, "loss": f"{file}:spread"}
    ours = fit(NUMBERS, hyperparameters)
    assert "the loss spread" in ours.path
    assert ours.distance(stock_fit(NUMBERS, hyperparameters)) < 1e-5


def test_a_metric_is_measured_and_may_be_the_objective() -> None:
    """As stock fit measures it; the highest epoch is the best."""
    metric = f"{OWN}:profit"
    objective = Objective.of("profit", "max")
    ours = fit(BINARY, BASE, metrics=(metric,), objective=objective)
    assert ours.path.startswith("program")
    assert ours.distance(stock_fit(BINARY, BASE, metrics=(metric,))) < 1e-5
    assert ours.result is not None
    assert ours.result.best_value == max(epoch["val_profit"] for epoch in ours.epochs)


def test_a_callback_sees_the_weights_of_every_epoch(tmp_path: Path) -> None:
    """And may stop the training, as with Keras."""
    file = tmp_path / "watching.py"
    file.write_text(
        "import keras\n"
        "SEEN = []\n"
        "class Watch(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        SEEN.append(float(keras.ops.sum(self.model.weights[0])))\n"
        "        open(__file__ + '.log', 'a').write(f'{SEEN[-1]!r}\\n')\n"
        "        self.model.stop_training = epoch == 1\n"
    )
    ours: Fit = fit(CLASSES, BASE, own_callbacks=[f"{file}:Watch"])
    assert "callbacks of the user's own" in ours.path
    seen = list(map(float, Path(f"{file}.log").read_text().split()))
    assert len(seen) == len(ours.epochs) == 2
    assert seen[0] != seen[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def name(t, p): return t[0].nothing", r"a loss that can be computed .*nothing"),
        ("def name(t, p): return (t - p) / 0 * 0", r"a loss that is a number"),
        ("name = 3", r"to be a function \(y_true, y_pred\)"),
        ("other = 3", r"Expected 'name' in .*no such name"),
        ("def name(", r"Loading own.py"),
    ],
)
def test_a_loss_that_cannot_be_used_is_told(text: str, told: str, tmp_path: Path) -> None:
    """One that raises, or gives something else than a finite number."""
    (tmp_path / "own.py").write_text(text)
    with pytest.raises((SpaceError, UserError), match=told):
        check_loss(f"{tmp_path}/own.py:name", CLASSES.outputs)


def test_a_metric_or_callback_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """A metric that raises, a class that is no callback."""
    (tmp_path / "own.py").write_text("def name(t=0, p=0): return t.nothing\nclass Plain: ...\n")
    with pytest.raises(UserError, match=r"a metric that can be computed"):
        check_metrics([f"{tmp_path}/own.py:name"], CLASSES.outputs)
    with pytest.raises(UserError, match=r"makes a keras.callbacks.Callback of nothing"):
        check_callbacks([f"{tmp_path}/own.py:Plain"], BASE)


REMEMBERS = """
import keras

class Remembers(keras.callbacks.Callback):
    def __init__(self, trial):
        super().__init__()
        self.trial, self.file = trial, trial.folder / "epochs.txt"
        assert trial.resumed == self.file.exists()

    def on_epoch_end(self, epoch, logs=None):
        trial = self.trial
        with self.file.open("a") as file:
            file.write(f"{trial.study} {trial.number} {trial.params['units_0']} {epoch}\\n")
        open(__file__ + ".log", "w").write(self.file.read_text())

class Patient(keras.callbacks.Callback):
    def __init__(self, trial, patience):
        super().__init__()

def makes(trial):
    return Remembers(trial)

def unknown(trial):
    return Remembers(trial.nothing)
"""


def test_a_callback_that_asks_gets_its_trial(tmp_path: Path) -> None:
    """Number, study and hyperparameters; its folder is as it was where a training goes on."""
    (tmp_path / "own.py").write_text(REMEMBERS)
    options: dict[str, Any] = {
        "own_callbacks": [f"{tmp_path}/own.py:makes"],
        "study": "s",
        "number": 7,
    }
    stopped = Interrupting()
    fit(CLASSES, BASE, observer=stopped, **options)
    fit(CLASSES, BASE, resume=stopped.state, **options)
    assert (tmp_path / "own.py.log").read_text().splitlines() == [
        f"s 7 8 {epoch}" for epoch in range(BASE["epochs"])
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [("Patient", "argument named trial.*'patience'"), ("unknown", "argument named trial.*nothing")],
)
def test_a_callback_that_needs_more_than_its_trial_is_told(
    name: str, told: str, tmp_path: Path
) -> None:
    """Before there is a study."""
    (tmp_path / "own.py").write_text(REMEMBERS)
    with pytest.raises(UserError, match=told):
        check_callbacks([f"{tmp_path}/own.py:{name}"], BASE)


def test_a_broken_metric_of_a_package_is_told_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one of a file is: its record, or its formula, raises."""
    tasks = ("classes",)
    broken = {
        "unmade": Metric(tasks=tasks, higher=True, make=lambda outputs: outputs.nothing),
        "wrong": Metric(tasks=tasks, higher=True, make=mean_of(lambda y, p: y.nothing)),
    }
    monkeypatch.setattr(METRICS, "_ours", {**METRICS._ours, **broken})
    for name in broken:
        with pytest.raises(UserError, match=rf"can be computed .* Received: '{name}'.*nothing"):
            check_metrics([name], CLASSES.outputs)


def test_a_warm_up_rises_step_by_step_and_is_the_same_in_every_way(tmp_path: Path) -> None:
    """Of a constant rate too: what Keras's own steps leave in the optimizer is not carried on."""
    hyperparameters = {**BASE, "warmup": 2, "epochs": 4}
    ours = fit(CLASSES, hyperparameters)
    rates = [epoch["learning_rate"] for epoch in ours.epochs]
    assert np.allclose(rates, np.array([0.5, 1, 1, 1]) * BASE["learning_rate"])
    (tmp_path / "own.py").write_text("import keras\nNone_ = keras.callbacks.Callback\n")
    in_graph = fit(CLASSES, hyperparameters, own_callbacks=[f"{tmp_path}/own.py:None_"])
    assert in_graph.path.startswith("graph")
    assert ours.distance(in_graph) < 1e-5
