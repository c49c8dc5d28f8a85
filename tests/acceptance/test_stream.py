"""A study whose training rows are streamed, by all its commands; and a worker that is killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from search_spaces.user_code import source_files
from tests.support.polling import poll
from tests.support.terminal import Terminal
from tests.support.working import STEADY, Workplace, attempts, curves, lease
from tuner.datasets import DataSpec

pytestmark = [pytest.mark.keras, pytest.mark.slow]

SOURCE = '''
import numpy as np
from sklearn.datasets import load_digits

X, Y = load_digits(return_X_y=True)


def noisy():
    """Rows in another order and with other noise in each epoch, one by one."""

    def rows():
        for i in np.random.permutation(1000):
            yield X[i] + np.random.normal(size=64), Y[i]

    return rows, (X[1000:], Y[1000:])


def unseeded():
    rows = ((X[i], Y[i]) for i in np.random.default_rng().permutation(300))
    return rows, (X[1000:], Y[1000:])
'''
EPOCHS = 12


def test_a_killed_trial_sees_the_rows_that_it_would_have_seen(place: Workplace):
    """The same curve to 1e-6 as in a study that nobody disturbed."""
    path = place.folder / "streams.py"
    path.write_text(SOURCE)
    data = DataSpec(source=f"{path}:noisy", stream=True)
    overrides = (*STEADY, f"epochs={EPOCHS}")
    whole, broken = (
        place.study(
            name,
            budget=1,
            overrides=overrides,
            data=data,
            code_fingerprint=source_files.fingerprint([data.source]),
        )
        for name in ("whole", "broken")
    )
    place.work(whole)
    first = place.worker(broken)

    def has_checkpoint() -> bool:
        row = lease(place.store, broken, 0)
        return bool(row and row.checkpoints and row.epoch >= 4)

    poll(has_checkpoint)
    first.send(signal.SIGKILL)
    first.wait()
    place.work(broken)
    assert [attempt.ended_as for attempt in attempts(place.store, broken)] == ["lost", "complete"]
    (expected,), (received,) = (curves(place.store, s).values() for s in (whole, broken))
    assert [point["epoch"] for point in received] == list(range(1, EPOCHS + 1))
    for point, other in zip(received, expected, strict=True):
        assert point["loss"] == pytest.approx(other["loss"], abs=1e-6)
        assert point["val_loss"] == pytest.approx(other["val_loss"], abs=1e-6)


def test_what_a_streamed_study_has_and_what_it_has_not(tmp_path: Path):
    """It is said at the launch; the model is evaluated, exported and trained again the same."""
    (tmp_path / "own.py").write_text(SOURCE)
    tuner = Terminal(tmp_path)
    launch = ("launch", "mlp", "--stream", "--trials", "1", "--workers", "1", "--study", "s")
    settings = ("units=16", "epochs=2", "optimizer=adam", "learning_rate=0.01")
    options = [word for text in settings for word in ("--set", text)]
    for more, told in (
        (("--data", "own.py:noisy", "--folds", "3"), "(--stream) without --folds"),
        (("--data", "digits"), "--stream with a function"),
        (("--data", "own.py:unseeded"), "or --scaling none"),
    ):
        refused = tuner(*launch, *more)
        assert refused.returncode == 2
        assert told in refused.stderr
        assert refused.stderr.count("\n") == 1
    ended = tuner(*launch, "--data", "own.py:noisy", *options)
    assert ended.returncode == 0, ended.stderr
    shown = " ".join((ended.stdout + ended.stderr).split())
    assert "1,000 training rows are streamed in every epoch: no shared graph, no refit" in shown
    assert "goes on from the end of an epoch, exactly" in shown
    assert tuner.json("rerun", "s", "0")["same"]
    for command in (("evaluate", "s"), ("export", "s", "m.keras"), ("report", "s")):
        ended = tuner(*command)
        assert ended.returncode == 0, (command, ended.stderr)
    refused = tuner("refit", "s", "-o", "r.keras")
    assert refused.returncode == 2
    assert "a study whose training rows are held" in refused.stderr
