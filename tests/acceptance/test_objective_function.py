"""An objective function through the command line: pauses, kills, other workers, two stores."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from storage import attempts, studies, trials, workers
from storage.database.engine import open_store
from tests.support import warm
from tests.support.polling import poll
from tests.support.terminal import Terminal

# Trials are held by a file, so that nothing depends on how fast the machine is.
CODE = """
import pathlib, sys, time

HERE = pathlib.Path(__file__).parent

def objective(trial):
    rate = trial.suggest_float("rate", 0, 1)
    state = trial.folder / "step"
    step = int(state.read_text()) if trial.resumed else 0
    print("begins at", step)
    while step < 3 or not (HERE / "go").exists():
        trial.report(rate + 1 / (1 + step), step)
        step += 1
        state.write_text(str(step))
        time.sleep(0.01)
    return rate

def light(trial):
    trial.set_user_attr("tensorflow", "tensorflow" in sys.modules)
    return trial.suggest_float("rate", 0, 1)
"""


@pytest.mark.slow
def test_kills_and_a_pause(store_url: str, tmp_path: Path):
    """Exactly as many trials as were asked for; each resumes where its folder was saved."""
    (tmp_path / "train.py").write_text(CODE)
    tuner = Terminal(tmp_path, store_url)
    launch = ("launch", "train.py:objective", "--trials", "4", "--workers", "2", "--lease", "2s")
    with tuner.started(*launch):
        store = open_store_when_made(store_url)
        study = poll(lambda: studies.find(store, "train"), waiting_for="the study")
        poll(lambda: reported(store, study) == 2, waiting_for="reports of two trials")
        before = {t.number: t.hyperparameters for t in trials.list_trials(store, study)}
        first = next(w for w in workers.list_workers(store, study) if w.trial is not None)
        os.kill(first.pid, signal.SIGKILL)
        poll(lambda: attempts_of(store, study) >= 3, waiting_for="the take-over")
        assert tuner("pause", "train").returncode == 0
        poll(lambda: running(store, study) == 0, waiting_for="the trials to be given back")
        assert tuner("resume", "train").returncode == 0
        poll(lambda: running(store, study) == 2, waiting_for="the trials to be taken again")
        (tmp_path / "go").write_text("")
        poll(lambda: studies.refresh(store, study).state == "finished", waiting_for="the end")
    records = trials.list_trials(store, study)
    assert [(t.number, t.state) for t in records] == [(n, "complete") for n in range(4)]
    assert all(records[number].hyperparameters == values for number, values in before.items())
    assert max(t.attempt for t in records) >= 3
    for record in records:
        steps = [row["step"] for row in trials.curve(store, record.trial_id)]
        assert steps == list(range(record.epoch))  # none twice, none left out
        assert record.value == record.hyperparameters["rate"]
    store.close()
    begun = [line for line in tuner("logs", "train").stdout.splitlines() if "begins at" in line]
    assert any(not line.endswith(" 0") for line in begun)
    told = json.loads(tuner("best", "train", "--json").stdout)
    assert told["value"] == min(t.value for t in records)


@pytest.mark.slow
def test_tensorflow_is_left_to_the_objective(tmp_path: Path):
    """A worker that starts as users start it has not imported it when the function is called."""
    (tmp_path / "train.py").write_text(CODE)
    tuner = Terminal(tmp_path, popen=warm.ColdPopen)
    ended = tuner("launch", "train.py:light", "--trials", "2", "--workers", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    store = open_store(f"sqlite:///{tmp_path / 'tuner.db'}")
    study = studies.load(store, "train")
    seen = [t.user_attrs["tensorflow"] for t in store.optuna.get_all_trials(study.study_id)]
    assert seen == [False, False]
    store.close()


def open_store_when_made(url: str):
    """The store, once the command has made its tables."""
    from storage.errors import StoreError

    def opened():
        try:
            return open_store(url, create=False)
        except StoreError:
            return None

    return poll(opened, waiting_for="the store")


def reported(store, study) -> int:
    return sum(t.epoch >= 3 for t in trials.list_trials(store, study))


def running(store, study) -> int:
    return sum(t.state == "running" for t in trials.list_trials(store, study))


def attempts_of(store, study) -> int:
    return len(attempts.list_attempts(store, study))
