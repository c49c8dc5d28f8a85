"""Cross-validation by real workers, one of which is killed in the middle of a trial."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from storage import studies, trials
from storage.database.engine import open_store
from tests.support.polling import poll
from tests.support.process_family import process_family
from tests.support.terminal import Terminal
from tests.support.working import ONE_GRAPH

pytestmark = [pytest.mark.keras, pytest.mark.slow]

ROUNDS = 3 * 2


def test_every_trial_has_all_its_rounds_once(tmp_path: Path) -> None:
    """Whoever trained them; the value is their mean, and a trial comes out the same again."""
    tuner = Terminal(tmp_path)
    launch = ["launch", "mlp", "--data", "digits", "--study", "cv", "--trials", "4", *ONE_GRAPH]
    search = ["--folds", "3", "--repeats", "2", "--pruner", "none", "--set", "epochs=6"]
    assert tuner(*launch, *search, "--workers", "0", "--lease", "3s").returncode == 0
    store = open_store(f"sqlite:///{tmp_path}/tuner.db", create=False)
    study = studies.load(store, "cv")
    with tuner.started("worker", "cv") as victim:
        poll(lambda: _steps(store, study) >= 2)
        for pid in process_family(victim.pid):
            os.kill(pid, signal.SIGKILL)
        victim.wait()
    ended = tuner("worker", "cv", "--workers", "2")
    assert ended.returncode == 0, ended.stderr
    records = trials.list_trials(store, study)
    assert [record.state for record in records] == ["complete"] * 4
    for record in records:
        curve = trials.curve(store, record.trial_id)
        assert [row["epoch"] for row in curve] == list(range(1, ROUNDS + 1))
        assert record.value == curve[-1]["val_loss"]
        assert record.metrics["val_loss_std"] > 0
    best = tuner("best", "cv").stdout
    assert f"on average of {ROUNDS} trainings" in best
    assert "Test, by the model of the last training: loss" in best
    header = tuner("trials", "cv").stdout.splitlines()[0]
    assert ("trainings" in header, "epochs" in header) == (True, False)
    assert f"({ROUNDS} trainings, " in ended.stdout
    again = tuner.json("rerun", "cv", "0")
    assert again["difference"] <= 1e-6
    store.close()


def _steps(store, study) -> int:
    return sum(record.epoch for record in trials.list_trials(store, study))
