"""A training that is killed and goes on in another process ends as if nothing had happened.

Of each way of training one case is killed; the others go on from what an uninterrupted one saved.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import resuming
from tests.support.fork_server import Nursery
from tests.support.resuming import NETWORK, Case

pytestmark = [pytest.mark.keras, pytest.mark.slow]

TOLERANCE = 1e-6
SHARED = {**NETWORK, "learning_rate": 3e-3, "batch_size": 64, "epochs": 8}
PLATEAU = {"schedule": "plateau", "plateau_factor": 0.5, "plateau_patience": 1}
FALLING = {**PLATEAU, "plateau_factor": 0.2}
BY_KERAS = ("acc",)  # whose meaning our own program leaves to Keras
STEEP = {"learning_rate": 0.1, "dropout": 0.5}  # so that validation losses rise again soon

PHASES: tuple[dict[str, Any], ...] = (
    {"trainable": ["head"], "learning_rate": 0.01, "epochs": 2},
    {"trainable": "all", "learning_rate": 0.003, "epochs": 3},
)

CASES = {
    "adam": Case(
        hyperparameters={**SHARED, "optimizer": "adam", "schedule": "inverse_time"}, killed=True
    ),
    "sgd, nesterov": Case(
        hyperparameters={
            **SHARED,
            "optimizer": "sgd",
            "momentum": 0.9,
            "nesterov": True,
            "schedule": "cosine",
        }
    ),
    "rmsprop, momentum": Case(
        hyperparameters={
            **SHARED,
            "optimizer": "rmsprop",
            "momentum": 0.5,
            "schedule": "exponential",
            "decay_rate": 0.9,
        }
    ),
    "plateau": Case(
        hyperparameters={**SHARED, **STEEP, **PLATEAU, "optimizer": "adam", "epochs": 12},
        stop_after=7,
    ),
    "early stopping": Case(
        hyperparameters={**SHARED, **STEEP, "optimizer": "adam", "epochs": 40},
        stop_after=4,
        epoch_patience=3,
    ),
    "both": Case(
        hyperparameters={**SHARED, **STEEP, **FALLING, "optimizer": "adam", "epochs": 60},
        stop_after=9,
        killed=True,
        epoch_patience=4,
    ),
    "further metrics": Case(
        hyperparameters={**SHARED, "optimizer": "sgd", "momentum": 0.9, "epochs": 4},
        stop_after=2,
        metrics=("sparse_top_k_categorical_accuracy",),
    ),
    "by Keras": Case(
        hyperparameters={**SHARED, **PLATEAU, "optimizer": "adam"}, killed=True, metrics=BY_KERAS
    ),
    **{
        f"{optimizer}{' by Keras' if metrics else ''}": Case(
            hyperparameters={**SHARED, "optimizer": optimizer, "epochs": 4},
            stop_after=2,
            metrics=metrics,
        )
        for metrics in ((), BY_KERAS)
        for optimizer in ("adamw", "nadam", "adamax", "adagrad", "adadelta")
    },
    **{
        f"phases, killed {place}": Case(
            hyperparameters={**SHARED, **FALLING, "optimizer": "adam"},
            phases=PHASES,
            stop_after=epoch,
            killed=True,
            at_once=epoch == 2,
        )
        for place, epoch in (("in the first", 1), ("between", 2), ("in the last", 4))
    },
    # Last, because it changes the process.
    "by stock fit": Case(
        hyperparameters={**SHARED, "optimizer": "adam", "schedule": "cosine", "epochs": 4},
        stop_after=2,
        killed=True,
        metrics=BY_KERAS,
        stock=True,
    ),
}


@pytest.fixture(scope="module")
def trained(processes: Nursery, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each case twice: uninterrupted, and gone on with in another process."""
    folder = tmp_path_factory.mktemp("resume")
    cases = [asdict(case) for case in CASES.values()]
    whole = processes.start("tests.support.resuming:train_whole", cases, str(folder))
    for number, case in enumerate(cases):
        if case["killed"]:
            state = str(resuming.state_file(folder, number))
            child = processes.start("tests.support.resuming:train_first_part", case, state)
            assert child.wait() == -9, child
    assert whole.wait() == 0, whole
    rest = processes.start("tests.support.resuming:train_rest", cases, str(folder))
    assert rest.wait() == 0, rest
    return {
        name: (_read(folder / f"{number}-whole.json"), _read(folder / f"{number}-rest.json"))
        for number, name in enumerate(CASES)
    }


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.mark.parametrize("name", CASES)
def test_gone_on_with(trained: dict[str, Any], name: str):
    """Every further epoch brings what it brings without a break, and so does the end."""
    whole, rest = trained[name]
    expected = whole["curve"][CASES[name].stop_after :]
    assert [point["epoch"] for point in rest["curve"]] == [point["epoch"] for point in expected]
    for point, other in zip(rest["curve"], expected, strict=True):
        assert point == pytest.approx(other, abs=TOLERANCE, rel=0)
    assert rest["best_epoch"] == whole["best_epoch"]
    assert rest["best_value"] == pytest.approx(whole["best_value"], abs=TOLERANCE, rel=0)
    assert rest["path"] == whole["path"]
    for weight, other in zip(rest["weights"], whole["weights"], strict=True):
        np.testing.assert_allclose(weight, other, atol=TOLERANCE, rtol=0)


def test_killed_when_it_had_stopped_early(
    processes: Nursery, trained: dict[str, Any], tmp_path: Path
):
    """Patience that had run out before the kill has run out after it: not one epoch more."""
    whole, _ = trained["early stopping"]
    case = replace(CASES["early stopping"], stop_after=len(whole["curve"]), at_once=True)
    state = str(resuming.state_file(tmp_path, 0))
    killed = processes.start("tests.support.resuming:train_first_part", asdict(case), state)
    assert killed.wait() == -9, killed
    rest = processes.start("tests.support.resuming:train_rest", [asdict(case)], str(tmp_path))
    assert rest.wait() == 0, rest
    again = _read(tmp_path / "0-rest.json")
    assert again["curve"] == []
    assert again["best_value"] == whole["best_value"]
    assert again["weights"] == whole["weights"]


def test_what_is_compared_can_differ(trained: dict[str, Any]):
    """The cases do what they are there for: rates fall, trainings stop early, late and soon."""
    for name in ("plateau", "both"):
        rates = [point["learning_rate"] for point in trained[name][0]["curve"]]
        before, after = rates[: CASES[name].stop_after], rates[CASES[name].stop_after :]
        assert before[-1] < rates[0], f"{name}: nothing to remember, {rates}"
        assert after[-1] < before[-1], f"{name}: nothing to go on with, {rates}"
    for name in ("early stopping", "both"):
        curve = trained[name][0]["curve"]
        assert CASES[name].stop_after < len(curve) < CASES[name].hyperparameters["epochs"]


@pytest.mark.parametrize("made", ["by Keras", "in a way of the future", "of another size"])
def test_an_attempt_of_another_version(made: str, caplog: pytest.LogCaptureFixture):
    """A state of Keras's own steps is gone on with so; one that does not fit is left alone."""
    by_keras = made == "by Keras"
    case = replace(CASES["adam"], stop_after=2, metrics=BY_KERAS if by_keras else ())
    watch = resuming.Keeper(stop_after=2)
    path = resuming.train(case, watch)["path"]
    state = watch.state
    assert state is not None
    if made == "in a way of the future":
        state.scalars["way"] = made
    if made == "of another size":
        state.arrays["model/0"] = state.arrays["model/0"][:1]
    rest = resuming.train(replace(case, metrics=()), resuming.Watch(), resume=state)
    began = 3 if by_keras else 1
    assert [point["epoch"] for point in rest["curve"]] == list(range(began, 9))
    if by_keras:
        assert path.split(":")[0] == rest["path"].split(":")[0] == "graph of Keras's steps"
    else:
        assert "starts again" in caplog.text
