"""`--workers auto` measures with real processes, and leaves none behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.polling import poll
from tests.support.terminal import Terminal
from tuner.datasets import DataSpec
from tuner.studies.study_spec import StudySpec
from tuner.study_setup import create_study
from tuner.study_setup.launch_request import LaunchRequest
from tuner.workers import calibration

pytestmark = [pytest.mark.keras, pytest.mark.slow]

NET = """
import keras

def build(trial, inputs, outputs):
    x = keras.Input(inputs.shape)
    hidden = keras.layers.Dense(trial.suggest_int("width", 8, 32))(x)
    return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(hidden))
"""


def measuring(parent: int) -> list[int]:
    """The processes that a process measures with."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            measures = warm.runs(int(folder.name), "tuner.workers.calibration")
            status = (folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):  # no process, or one that ended meanwhile
            continue
        if measures and int(status[1]) == parent:
            found.append(int(folder.name))
    return found


def test_real_processes_train_and_end(tmp_path: Path):
    """A space that has no starting points is measured in its middle."""
    net = tmp_path / "net.py"
    net.write_text(NET)
    request = LaunchRequest(space=f"{net}:build", data=DataSpec(source="iris"), name="mine")
    store, study, _ = create_study.create_study(f"sqlite:///{tmp_path / 'store.db'}", request)
    store.close()
    spec = StudySpec.from_dict(study.spec)
    found = calibration.measure(spec, most=1, threads=1, go_on=lambda: True)
    assert list(found.rates) == [1]
    assert found.rates[1] > 0
    assert not measuring(os.getpid())


def test_ctrl_c_while_measuring(tmp_path: Path):
    """The exit code is that of Ctrl-C; processes are gone; the study can be gone on with."""
    tuner = Terminal(tmp_path)
    words = ("launch", "mlp", "--data", "iris", "--trials", "4")
    with tuner.started(*words, "--workers", "auto") as process:
        poll(lambda: measuring(process.pid), waiting_for="processes that measure")
        process.send_signal(signal.SIGINT)
        process.wait()
        assert process.returncode == 130
    assert not measuring(process.pid)
    assert tuner.json("status", "mlp-iris")["trials"]["unstarted"] == 4
