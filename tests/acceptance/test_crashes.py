"""Code of the user's that ends its process where Python cannot help, from the command line."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.terminal import Terminal

pytestmark = [pytest.mark.keras, pytest.mark.slow]

ENDS = '''
"""Spaces whose models end the process that builds them."""

import ctypes
import os

from search_spaces import Choice, Int, SearchSpace

WAYS = {
    "well": lambda: None,
    "exit": lambda: os._exit(3),
    "exit as if all were done": lambda: os._exit(0),
    "abort": os.abort,
    "fault": lambda: ctypes.string_at(0),
}


class Ends(SearchSpace):
    way = Choice(list(WAYS))

    def build(self, hyperparameters, inputs, outputs):
        import keras

        WAYS[hyperparameters["way"]]()
        rows = keras.Input(inputs.shape)
        return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(rows))


class Faults(SearchSpace):
    """One model is built, before there is a study; no other one is."""

    width = Int(1, 10**6)

    def build(self, hyperparameters, inputs, outputs):
        way = "fault" if os.path.exists("tuner.db") else "well"
        return Ends().build({"way": way}, inputs, outputs)
'''
ALL = ("optimizer=sgd", "momentum=0.0", "nesterov=false", "learning_rate=0.01",
       "schedule=constant", "batch_size=32", "epochs=2")  # fmt: skip
DIED = "its worker ended with {}, not the first one that was lost on this trial"
FAULT = "signal 11 (SIGSEGV)"
Crashed = tuple[list[str], dict[str, Any]]


def launch(tuner: Terminal, space: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Trials of a space that differ in its own parameter only."""
    (tuner.folder / "ends.py").write_text(ENDS)
    fixed = [word for override in ALL for word in ("--set", override)]
    data = ("--data", "iris", "--study", space, "--workers", "1", "--threads", "1")
    return tuner("launch", f"ends.py:{space}", *data, *fixed, *words)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    """What ``launch``, ``trials`` and ``logs`` said of one trial of each way; the trials by way."""
    tuner = Terminal(tmp_path_factory.mktemp("crashed"), environment={"COLUMNS": "300"})
    ended = launch(tuner, "Ends", "--sampler", "grid", "--trials", "5")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = tuner.json("trials", "Ends")
    said = [ended.stdout, tuner("trials", "Ends").stdout, tuner("logs", "Ends").stdout]
    return said, {trial["params"]["way"]: trial for trial in trials}


@pytest.mark.parametrize(
    ("way", "cause"),
    [
        ("exit", "exit code 3"),
        ("exit as if all were done", "exit code 0"),
        ("abort", "signal 6 (SIGABRT)"),
        ("fault", FAULT),
    ],
)
def test_the_second_crash_is_named(crashed: Crashed, way: str, cause: str):
    """In the trial, and wherever people look; it is tried twice, for the first may be bad luck."""
    said, trials = crashed
    trial, told = trials[way], DIED.format(cause)
    assert (trial["state"], trial["attempt"]) == ("failed", 2)
    assert (trial["failure"]["kind"], trial["failure"]["message"]) == ("lost", told)
    assert [text.count(f"lost: {told}") for text in said] == [1, 1, 1]


def test_good_trials_beside_crashes_are_saved(crashed: Crashed):
    """A worker that dies while it saves the trial before loses that one once, not each time."""
    said, trials = crashed
    assert trials["well"]["state"] == "complete"
    assert trials["well"]["attempt"] <= 2
    assert "5 of 5 trials: 1 complete, 4 failed" in said[0]


def test_a_study_whose_models_all_crash(tmp_path: Path):
    """The first three trials end it: exit code 2, with the signal as the reason."""
    tuner = Terminal(tmp_path)
    ended = launch(tuner, "Faults", "--sampler", "random", "--trials", "20")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert FAULT in ended.stdout
    status = tuner.json("status", "Faults")
    assert (status["state"], status["trials"]["failed"]) == ("stopped", 3)
    assert FAULT in status["reason"]


def test_a_model_that_crashes_before_there_is_a_study(tmp_path: Path):
    """One line, exit code 2, and nothing was made."""
    tuner = Terminal(tmp_path)
    ended = launch(tuner, "Ends", "--set", "way=fault")
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("Error: ")]
    assert FAULT in line
    assert not (tmp_path / "tuner.db").exists()
