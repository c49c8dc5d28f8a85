"""A study whose trials have phases, by all its commands: the example of fine-tuning."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.sources import ROOT
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.keras, pytest.mark.slow]

SPACE = ("fine_tuning.py:FineTuned", "--data", "fine_tuning.py:large_digits")
FIXED = (
    *("--set", "optimizer=adam", "--set", "schedule=constant", "--set", "batch_size=32"),
    *("--set", "head_rate=0.02", "--set", "fine_rate=0.002", "--set", "head_epochs=2,3"),
)


@pytest.fixture(scope="module")
def tuner(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    folder = tmp_path_factory.mktemp("phases")
    shutil.copy(ROOT / "examples" / "fine_tuning.py", folder)
    terminal = Terminal(folder)
    launch = ("launch", *SPACE, "--study", "s", *FIXED)
    refused = terminal(*launch, "--set", "epochs=9")
    assert refused.returncode == 2
    assert refused.stderr.startswith("Error: epochs=9: Expected no value for epochs")
    assert refused.stderr.count("\n") == 1
    ended = terminal(*launch, "--trials", "2", "--sampler", "grid", "--workers", "1")
    assert ended.returncode == 0, ended.stderr
    return terminal


def test_a_trial_is_one_curve_over_its_phases(tuner: Terminal):
    """Of all their epochs; the second phase goes on where the first one ended, and is better."""
    for trial in tuner.json("trials", "s"):
        path = tuner.folder / f"{trial['number']}.keras"
        assert tuner("export", "s", str(path), "--trial", str(trial["number"])).returncode == 0
        curve = json.loads(path.with_suffix(".json").read_text())["learning_curve"]
        first = trial["params"]["head_epochs"]
        assert [point["epoch"] for point in curve] == [1, 2, 3, 4, 5, 6]
        rates = [point["learning_rate"] for point in curve]
        assert rates == pytest.approx([0.02] * first + [0.002] * (6 - first))
        assert curve[-1]["val_loss"] < curve[first - 1]["val_loss"] < curve[0]["val_loss"]


def test_models_come_out_the_same_and_are_used_as_all_others(tuner: Terminal, tmp_path: Path):
    """Trained again, with all rows, several together, reported, scored."""
    again = tuner.json("rerun", "s", "0")
    assert again["same"], again
    for command in (
        ("refit", "s", "-o", f"{tmp_path}/refit.keras"),
        ("ensemble", "s", "-o", f"{tmp_path}/both.keras"),
        ("report", "s", "-o", f"{tmp_path}/report.html"),
        ("evaluate", "s"),
    ):
        ended = tuner(*command)
        assert ended.returncode == 0, (command, ended.stderr)


def test_folds(tuner: Terminal):
    """Each round begins with the first phase."""
    options = ("--folds", "2", "--study", "folds", "--trials", "1", "--workers", "1")
    ended = tuner("launch", *SPACE, *FIXED, *options)
    assert ended.returncode == 0, ended.stderr
    assert tuner.json("rerun", "folds", "0")["same"]
