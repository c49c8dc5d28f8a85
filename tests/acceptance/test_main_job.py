"""What a new user does, in real processes: launch, watch, take the model, interrupt, go on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.polling import poll
from tests.support.sources import ROOT
from tests.support.terminal import Terminal
from tests.support.working import ONE_GRAPH

pytestmark = [pytest.mark.keras, pytest.mark.slow]

SHORT = ("launch", "mlp", "--data", "digits", "--set", "epochs=3..6")
LONG = (
    "launch", "mlp", "--data", "digits", "--set", "epochs=60..80", "--set", "batch_size=16",
    "--set", "units=32", *ONE_GRAPH,
)  # fmt: skip

SCORE = """
import json, sys
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
model = keras.saving.load_model(sys.argv[1])
accuracy = float((model.predict(x, verbose=0).argmax(axis=1) == y).mean())
ours = sorted({"tuner", "storage", "search_spaces"} & set(sys.modules))
print(json.dumps({"accuracy": accuracy, "ours": ours}))
"""

BUILD = '''
import keras


def build(trial, inputs, outputs):
    """A small network of one layer."""
    print("user code may print")
    x = keras.Input(inputs.shape)
    hidden = keras.layers.Dense(trial.suggest_int("width", 8, 32, log=True), "relu")(x)
    return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(hidden))
'''


# Cold processes need not import TensorFlow for it.
OBJECTIVE = """
def objective(trial):
    trial.report(trial.suggest_float("rate", 0, 1), 0)
    return 0.0
"""


@pytest.fixture
def tuner(tmp_path: Path) -> Terminal:
    """Commands typed in an empty folder."""
    return Terminal(tmp_path)


def assert_all_ended(tuner: Terminal, study: str, budget: int) -> None:
    """Exactly as many trials as asked for, numbered one by one, none of them open."""
    status = tuner.json("status", study)
    assert (status["state"], status["budget"]) == ("finished", budget)
    counts = status["trials"]
    assert counts["complete"] + counts["pruned"] + counts["failed"] == budget
    assert counts["running"] == counts["waiting"] == counts["unstarted"] == 0
    trials = tuner.json("trials", study)
    assert [trial["number"] for trial in trials] == list(range(budget))
    assert all(trial["epochs"] >= 1 and trial["seconds"] > 0 for trial in trials)


def test_launch_to_model(tuner: Terminal):
    """One command; then the model alone, without this project, reads raw digits.

    Here both start as they do for a user; all other processes are warm.
    """
    cold = Terminal(tuner.folder, popen=warm.ColdPopen)
    ended = cold(*SHORT, "--trials", "6", "--workers", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert sum(line.startswith("trial ") for line in ended.stdout.splitlines()) == 6
    assert "tuner dashboard" in ended.stdout
    assert_all_ended(tuner, "mlp-digits", 6)

    best = tuner.json("best", "mlp-digits")
    assert best["value"] == min(t["value"] for t in tuner.json("trials", "mlp-digits"))
    assert {"val_loss", "val_accuracy", "test_loss", "test_accuracy"} <= set(best["metrics"])
    assert best["model"] in ended.stdout
    scored = subprocess.run(
        [sys.executable, "-I", "-c", SCORE, best["model"]],
        cwd=tuner.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    score = json.loads(scored.stdout.splitlines()[-1])
    assert score["accuracy"] > 0.9
    assert score["ours"] == []

    again = tuner(*SHORT, "--trials", "6", "--workers", "2")
    assert (again.returncode, "finished before" in again.stdout) == (0, True)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_interrupted_and_gone_on_with(tuner: Terminal, number: signal.Signals, code: int):
    """Trials at hand are given back, and taken up again: not one more, not one less."""
    launch = (*LONG, "--trials", "4", "--workers", "2")
    with tuner.started(*launch) as process:
        poll(lambda: begun(tuner), waiting_for="a trial with an epoch")
        process.send_signal(number)
        output, _ = process.communicate()
    assert process.returncode == code, output
    assert "tuner worker mlp-digits" in output
    status = tuner.json("status", "mlp-digits")
    assert (status["state"], status["trials"]["running"]) == ("running", 0)
    assert not [worker for worker in status["workers"] if worker["state"] == "alive"]

    ended = tuner(*launch)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_all_ended(tuner, "mlp-digits", 4)


def test_whoever_reads_no_further_ends_the_workers(tuner: Terminal):
    """As `head` does: the trial at hand is given back, and no worker is left or lost."""
    words = ("launch", "mlp", "--data", "digits", "--set", "epochs=1", "--trials", "900")
    command = [sys.executable, "-P", "-m", "tuner", *words, "--workers", "1"]
    ended, line = piped_into_head(command, tuner.folder)
    assert (ended.returncode, ended.stderr) == (141, "")
    assert line == "Study mlp-digits: launched, 900 trials.\n"
    status = tuner.json("status", "mlp-digits")
    assert status["trials"]["running"] == 0
    # The next line may have met a closed pipe before any worker entered.
    assert {worker["state"] for worker in status["workers"]} <= {"left"}


def piped_into_head(
    command: list[str], folder: Path
) -> tuple[subprocess.CompletedProcess[str], str]:
    """`command | head -1`: how the command ended, and the line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(["head", "-1"], **pipe) as head:
        ended = warm.run(command, cwd=folder, env=environment, text=True, stdout=head.stdin)
        return ended, head.communicate()[0]


def test_interrupted_twice(tuner: Terminal):
    """The second Ctrl-C kills; trials at hand are taken over once their leases run out."""
    launch = (*LONG, "--trials", "4", "--workers", "2", "--lease", "4s")
    with tuner.started(*launch) as process:
        poll(lambda: begun(tuner), waiting_for="a trial with an epoch")
        process.send_signal(signal.SIGSTOP)  # so that both signals come before the workers' end
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate()
    assert process.returncode in (130, 143), output
    ended = tuner(*launch)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_all_ended(tuner, "mlp-digits", 4)
    assert any(trial["attempt"] > 1 for trial in tuner.json("trials", "mlp-digits"))


def test_no_worker_can_go_on(tuner: Terminal):
    """A machine that does not reach the study's folder says so on one line."""
    tuner.json(*SHORT, "--workers", "0")
    shutil.rmtree(tuner.folder / "tuner-artifacts")
    ended = tuner("worker", "mlp-digits", "--workers", "1")
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: Expected the study's folder")
    assert len(ended.stderr.splitlines()) == 1


def begun(tuner: Terminal) -> bool:
    """Whether a trial is running that has finished an epoch; seen without a process each time."""
    query = "SELECT COUNT(*) FROM tuner_leases WHERE state = 'leased' AND epoch > 0"
    file = tuner.folder / "tuner.db"
    if not file.exists():
        return False
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return bool(connection.execute(query).fetchone()[0])
        except sqlite3.OperationalError:  # the tables are being made
            return False


def test_two_terminals(tmp_path: Path, store_url: str):
    """`launch --workers 0` only makes the study; workers join with nothing but the URL."""
    tuner = Terminal(tmp_path, storage=store_url)
    made = tuner.json(*SHORT, *ONE_GRAPH, "--trials", "6", "--workers", "0")
    assert made["trials"]["unstarted"] == 6
    with (
        tuner.started("worker", "mlp-digits", "--threads", "1") as one,
        tuner.started("worker", "mlp-digits", "--threads", "1") as other,
    ):
        outputs = [process.communicate()[0] for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0), outputs
    assert all("Study mlp-digits is finished" in output for output in outputs)
    assert_all_ended(tuner, "mlp-digits", 6)


def test_define_by_run(tuner: Terminal):
    """A function of the user's own, with its own parameter and ours; JSON stays JSON."""
    (tuner.folder / "net.py").write_text(BUILD)
    document = tuner.json(
        "launch", "net.py:build", "--data", "iris", "--trials", "3", "--workers", "1",
        "--set", "width=8,16", "--set", "epochs=2", "--metric", "sparse_top_k_categorical_accuracy",
    )  # fmt: skip
    assert document["study"] == "net-iris"
    assert document["best"]["params"]["width"] in (8, 16)
    assert document["best"]["params"]["epochs"] == 2
    assert_all_ended(tuner, "net-iris", 3)


def test_a_folder_of_the_users_does_not_hide_ours(tuner: Terminal):
    """`python -m tuner` puts the current folder first on the path."""
    (tuner.folder / "storage").mkdir()
    (tuner.folder / "storage" / "__init__.py").write_text("raise RuntimeError('not this one')")
    (tuner.folder / "train.py").write_text(OBJECTIVE)
    here = Terminal(tuner.folder, prefix=(), popen=warm.ColdPopen)
    ended = here("launch", "train.py:objective", "--trials", "1", "--workers", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_all_ended(tuner, "train", 1)
