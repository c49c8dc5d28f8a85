"""Arguments of a data function are searched: launch, and commands that need the data of a trial."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.support import series
from tests.support.polling import poll
from tests.support.terminal import Terminal
from tests.support.working import STEADY, Workplace, attempts, curves, lease, record
from tuner.datasets import DataSpec

pytestmark = [pytest.mark.keras, pytest.mark.slow]

SETTINGS = ("window=3,9", "columns=both", "epochs=2", "layers=1", "units=8", "penalty=0")


@pytest.fixture(scope="module")
def tuner(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    folder = tmp_path_factory.mktemp("arguments")
    series.write_function(folder)
    terminal = Terminal(folder)
    settings = [word for text in SETTINGS for word in ("--set", text)]
    ended = terminal(
        *("launch", "mlp", "--data", "series.py:load", "--study", "s", "--trials", "6"),
        *("--workers", "2", "--sampler", "random", "--keep", "6", *settings),
    )
    assert ended.returncode == 0, ended.stderr
    return terminal


def by_window(tuner: Terminal) -> dict[int, list[dict[str, Any]]]:
    """The complete trials of each window, best first."""
    trials = sorted(tuner.json("trials", "s"), key=lambda trial: trial["value"])
    return {window: [t for t in trials if t["params"]["window"] == window] for window in (3, 9)}


def test_each_combination_is_prepared_once(tuner: Terminal) -> None:
    """By the launch, whose ends these are; workers call the function for its defaults alone.

    The launch calls it once more, for the same rows must come again.
    """
    made = series.calls(tuner.folder)
    assert made.count("9 both") == 2
    assert set(made) == {"3 both", "9 both"}


def test_models_are_exported_with_the_window_of_their_trial(tuner: Terminal) -> None:
    """Their answers to windows cut by hand have the error that the store and the card tell."""
    for window, trials in by_window(tuner).items():
        number = str(trials[0]["number"])
        path = tuner.folder / f"{window}.keras"
        assert tuner("export", "s", str(path), "--trial", number).returncode == 0
        scores = tuner.json("evaluate", "s", "--trial", number)
        card = json.loads(path.with_suffix(".json").read_text())
        assert card["data"]["arguments"] == {"window": window, "columns": "both"}
        assert card["data"]["shape"] == [window, 2]
        rows, targets = series.by_hand(window)
        errors = keras.saving.load_model(path).predict(rows, verbose=0)[:, 0] - targets
        assert scores["rows"] == 24
        assert tuner.json("rerun", "s", number)["identical"]
        squares = np.sort(errors**2)
        assert squares[:24].mean() <= scores["loss"] <= squares[-24:].mean()


def test_commands_that_train_again(tuner: Terminal) -> None:
    """Refit and report use the data of the best trial, an ensemble those trials that share them."""
    trials = by_window(tuner)
    best = min((of_one[0] for of_one in trials.values()), key=lambda trial: trial["value"])
    window = best["params"]["window"]
    assert tuner("refit", "s", "-o", "refit.keras", "--trial", str(best["number"])).returncode == 0
    assert keras.saving.load_model(tuner.folder / "refit.keras").input_shape == (None, window, 2)
    ended = tuner("ensemble", "s", "--top", "6", "-o", "mean.keras")
    alike = len(trials[window])
    assert ended.returncode == (0 if alike > 1 else 2), ended.stderr
    if alike > 1:
        card = json.loads((tuner.folder / "mean.json").read_text())
        assert len(card["members"]) == alike
    assert tuner("report", "s", "--output", "report.html").returncode == 0
    assert "Left out" not in (tuner.folder / "report.html").read_text()


def test_commands_that_show(tuner: Terminal) -> None:
    """What is searched is seen before a study; an enqueued trial has the window that was asked."""
    shown = tuner.json("datasets", "series.py:load")
    assert shown["arguments"] == {"window": "2..12", "columns": "both,first"}
    dry = tuner.json("launch", "mlp", "--data", "series.py:load", "--study", "dry", "--dry-run")
    assert dry["definition"]["data"]["arguments"] == {"window": 4, "columns": "both"}
    windows = {model["hyperparameters"]["window"] for model in dry["models"]}
    assert len(windows) > 1
    assert tuner("extend", "s", "--trials", "+1").returncode == 0
    assert tuner.json("enqueue", "s", "--set", "window=9")["params"] == {"window": 9}


def test_a_killed_worker_is_followed_by_one_with_the_same_data(
    place: Workplace, tmp_path: Path
) -> None:
    """The curve is that of a trial that nobody disturbed, on windows of its own length."""
    os.environ.setdefault("TUNER_CACHE", str(tmp_path / "cache"))
    source = series.write_function(tmp_path)
    settings = (*STEADY, "epochs=30", "window=9..11", "columns=both")
    options: dict[str, Any] = {"overrides": settings, "data": DataSpec(source=source)}
    whole = place.study("whole", budget=1, **options)
    place.work(whole)
    broken = place.study("broken", budget=1, **options)
    first = place.worker(broken)
    poll(lambda: (row := lease(place.store, broken, 0)) and row.checkpoints and row.epoch >= 5)
    first.send(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    place.work(broken)
    assert [attempt.ended_as for attempt in attempts(place.store, broken)] == ["lost", "complete"]
    window = record(place.store, broken).hyperparameters["window"]
    assert window == record(place.store, whole).hyperparameters["window"]
    assert window in (9, 10, 11)
    expected, actual = (curves(place.store, study)[0] for study in (whole, broken))
    assert [point["epoch"] for point in actual] == list(range(1, 31))
    for point, other in zip(actual, expected, strict=True):
        assert point["val_loss"] == pytest.approx(other["val_loss"], rel=1e-6)
