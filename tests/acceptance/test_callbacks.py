"""Callbacks of a user's own that ask for their trial, in real processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.polling import poll
from tests.support.terminal import Terminal
from tests.support.working import STEADY, Workplace, attempts, epochs, lease

pytestmark = [pytest.mark.keras, pytest.mark.slow]

DIARY = '''
"""Writes a line for each epoch into the trial's folder, and that file's content to another."""

import keras


class Diary(keras.callbacks.Callback):
    def __init__(self, trial):
        super().__init__()
        self.trial, self.file = trial, trial.folder / "diary.txt"

    def on_epoch_end(self, epoch, logs=None):
        with self.file.open("a") as file:
            file.write(f"{epoch + 1}\\n")
        name = f"{self.trial.study}-{self.trial.number}-{self.trial.params['units_0']}"
        with open(f"{__file__}.{name}", "w") as copy:
            copy.write(self.file.read_text())


class Wants(keras.callbacks.Callback):
    def __init__(self, trial, patience):
        super().__init__()
'''


def test_the_folder_of_a_trial_survives_its_worker(place: Workplace):
    """Killed in the middle, each epoch stands in it once."""
    path = place.folder / "own.py"
    path.write_text(DIARY)
    overrides = (*STEADY, "epochs=20")
    study = place.study("diary", budget=1, overrides=overrides, callbacks=(f"{path}:Diary",))
    first = place.worker(study)

    def has_checkpoint() -> bool:
        row = lease(place.store, study, 0)
        return bool(row and row.checkpoints and row.epoch >= 6)

    poll(has_checkpoint)
    first.send(signal.SIGKILL)
    first.wait()
    place.work(study)
    assert [attempt.ended_as for attempt in attempts(place.store, study)] == ["lost", "complete"]
    assert [epoch.epoch for epoch in epochs(place.store, study)] == list(range(1, 21))
    written = Path(f"{path}.diary-0-256").read_text().split()
    assert written == [str(epoch) for epoch in range(1, 21)]


def test_every_training_of_a_trial_has_a_folder(tmp_path: Path):
    """Each fold begins with an empty one; so do rerun and refit. A wrong signature is told."""
    (tmp_path / "own.py").write_text(DIARY)
    tuner = Terminal(tmp_path)
    launch = (
        *("mlp", "--data", "iris", "--trials", "1", "--workers", "1"),
        *("--set", "units=8", "--set", "epochs=2"),
    )
    refused = tuner("launch", *launch, "--callback", "own.py:Wants", "--study", "wants")
    assert refused.returncode == 2
    assert "argument named trial. Received: " in refused.stderr
    assert refused.stderr.count("\n") == 1
    ended = tuner(
        "launch", *launch, "--callback", "own.py:Diary", "--study", "folds", "--folds", "2"
    )
    assert ended.returncode == 0, ended.stderr
    diary = tmp_path / "own.py.folds-0-8"
    for command in (("rerun", "folds", "0"), ("refit", "folds", "-o", "refit.keras")):
        assert diary.read_text().split()[0] == "1"
        os.unlink(diary)
        ended = tuner(*command)
        assert ended.returncode == 0, ended.stderr
    assert diary.exists()
