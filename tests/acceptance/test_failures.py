"""Every way in which a trial can fail, in real training: told by its kind, and nobody else's."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pytest

from search_spaces import catalog
from storage import logs, overview, studies, trial_actions, trials
from storage.outcomes import INFEASIBLE
from storage.trials import TrialRecord
from tests.conftest import refuse
from tests.support.limits import little_memory, tiny_disk
from tests.support.polling import poll
from tests.support.servers import Unavailable
from tests.support.working import STEADY, Workplace
from tuner.workers.supervisor import Supervisor

pytestmark = [pytest.mark.keras, pytest.mark.slow]

KINDS = '''
"""A space in which every value of one parameter fails in a way of its own."""

import os
import signal
import sys
import time
import warnings

HUGE = 2**25  # squared and in float32, four petabytes: no machine will try
KINDS = [
    "good",
    "raises",
    "huge",
    "fills memory",
    "diverges",
    "diverges later",
    "large",
    "slow",
    "very slow",
    "raises in training",
    "exits",
    "exits in training",
    "interrupts",
]


def change_everything():
    import keras

    keras.config.set_floatx("float64")
    keras.utils.set_random_seed(3)
    os.environ["TUNER_TEST_CHANGED"] = "secret"
    os.chdir("/")
    warnings.simplefilter("error")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def broken():
    raise KeyError("no such row")


def odd(kind):
    """A layer that passes rows on, until it does what its kind does."""
    import keras
    import tensorflow as tf

    def called(function, *inputs):
        return tf.ensure_shape(tf.py_function(function, list(inputs), tf.float32), [])

    class Odd(keras.layers.Layer):
        def build(self, shape):
            self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False)
            if kind == "huge":
                self.add_weight(shape=(HUGE, HUGE))

        def call(self, x, training=False):
            if not training:
                return x
            self.steps.assign_add(1.0)
            if kind == "fills memory":
                x = x + tf.reduce_sum(tf.random.normal([HUGE, HUGE]))
            if kind == "diverges later":
                x = tf.where(self.steps > 40.0, x * float("nan"), x)
            if kind == "very slow":
                x = x + called(lambda: time.sleep(1.0) or 0.0)
            if kind == "slow":  # after an epoch or two
                x = x + called(lambda n: time.sleep(float(n > 40.0)) or 0.0, self.steps)
            if kind == "exits in training":
                x = x + called(lambda: sys.exit(2))
            if kind == "raises in training":
                x = x + called(broken)
            return x

    return Odd()


def build(trial, inputs, outputs):
    import keras

    kind = trial.suggest_categorical("kind", KINDS)
    if kind == "raises":
        raise ValueError("three heads\\nare too many")
    if kind == "exits":
        sys.exit(0)
    if kind == "interrupts":
        raise KeyboardInterrupt
    if kind == "good":
        change_everything()
    rows = keras.Input(inputs.shape)
    x = odd(kind)(rows)
    if kind == "large":
        x = keras.layers.Dense(2000)(x)
    x = keras.layers.Dense(16)(keras.layers.Dense(16)(x))
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(x))
'''
NAMES = re.findall(r'^    "(.+)",$', KINDS, re.MULTILINE)
OVERRIDES = (
    "optimizer=sgd",
    "momentum=0.0",
    "nesterov=false",
    "learning_rate=0.01,1e6",
    "schedule=constant",
    "batch_size=64",
    "epochs=12",
)


@pytest.fixture(scope="module")
def failed(place: Workplace) -> dict[str, tuple[TrialRecord, optuna.trial.FrozenTrial]]:
    """One trial of each kind, by kind: all run by one worker, as we and as Optuna see them."""
    source = place.folder / "kinds.py"
    source.write_text(KINDS)
    name = f"{source}:build"
    study = place.study(
        "kinds",
        budget=len(NAMES),
        space=name,
        overrides=OVERRIDES,
        max_parameters=100_000,
        trial_timeout=12.0,
        lease=10.0,
    )
    space = catalog.load(name, OVERRIDES)
    for kind in NAMES:
        rate = 1e6 if kind == "diverges" else 0.01
        trial_actions.enqueue(
            place.store, study, space.encode({"kind": kind, "learning_rate": rate})
        )
    place.work(study)
    ours = trials.list_trials(place.store, study)
    theirs = optuna.load_study(study_name=study.name, storage=place.store.optuna).trials
    assert [t.number for t in ours] == [t.number for t in theirs] == list(range(len(NAMES)))
    assert overview.status(place.store, study).failures == {
        "diverged": 1, "error": 5, "out_of_memory": 2, "oversized": 1, "timeout": 1,
    }  # fmt: skip
    return {str(t.hyperparameters["kind"]): (t, o) for t, o in zip(ours, theirs, strict=True)}


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("raises", "error", "ValueError: three heads are too many"),
        ("raises in training", "error", "no such row"),
        ("exits", "error", "SystemExit: 0"),
        ("exits in training", "error", "SystemExit: 2"),
        ("interrupts", "error", "KeyboardInterrupt: "),
        ("huge", "out_of_memory", "OOM when allocating"),
        ("fills memory", "out_of_memory", "OOM when allocating"),
        ("diverges", "diverged", "not finite after epoch 1"),
        ("large", "oversized", "at most 100,000 parameters"),
        ("very slow", "timeout", "after epoch 0"),
    ],
)
def test_failed(failed: dict[str, Any], name: str, kind: str, message: str):
    """The kind and one line stand in our record, in Optuna's dashboard and before the sampler."""
    ours, theirs = failed[name]
    assert (ours.state, theirs.state) == ("failed", optuna.trial.TrialState.FAIL)
    assert ours.failure is not None
    assert ours.failure.kind == theirs.user_attrs["failure"] == kind
    assert message in ours.failure.message
    assert "\n" not in ours.failure.message
    assert theirs.user_attrs["failure_message"] == ours.failure.message
    assert (ours.failure.traceback or "").endswith(theirs.user_attrs.get("failure_traceback", ""))
    assert ("failure_traceback" in theirs.user_attrs) == (kind == "error")
    assert theirs.user_attrs["failure_attempt"] == ours.attempt == 1
    assert theirs.user_attrs["failure_worker"].startswith(f"{socket.gethostname()}:")
    assert any(m > 0 for m in theirs.constraints.values()) == (kind in INFEASIBLE)
    assert bool(ours.failure.traceback) == (kind == "error")
    assert ours.model is None


def test_the_traceback_is_the_users(failed: dict[str, Any]):
    """Of their code they see the line."""
    assert "kinds.py" in failed["raises"][0].failure.traceback
    assert "are too many" in failed["raises"][0].failure.traceback


@pytest.mark.parametrize(
    ("name", "kind", "least"), [("diverges later", "diverged", 2), ("slow", "timeout", 1)]
)
def test_cut_short(failed: dict[str, Any], name: str, kind: str, least: int):
    """A trial that had a finite epoch is complete with its best value, and says what happened."""
    ours, theirs = failed[name]
    assert (ours.state, theirs.state) == ("complete", optuna.trial.TrialState.COMPLETE)
    assert ours.failure.kind == theirs.user_attrs["failure"] == kind
    assert least <= ours.best_epoch <= ours.epoch < 12
    finite = [value for value in theirs.intermediate_values.values() if value == value]
    assert ours.value == theirs.value == min(finite)
    assert all(m <= 0 for m in theirs.constraints.values())


def test_the_good_one_is_untouched(failed: dict[str, Any]):
    """Bad trials beside it cost it nothing."""
    ours, theirs = failed["good"]
    assert (ours.state, ours.failure, ours.epoch) == ("complete", None, 12)
    assert "failure" not in theirs.user_attrs


def test_what_a_trial_changed_is_told(place: Workplace, failed: dict[str, Any]):
    """In its own log, by name: what the environment holds may be secret. All of it is put back."""
    study = studies.load(place.store, "kinds")
    text = "".join(entry.text for entry in logs.read(place.store, study))
    (line,) = [line for line in text.splitlines() if "restored" in line]
    assert "build() of kinds-build changed the working directory" in line
    for name in ("TUNER_TEST_CHANGED", "warning filters", "SIGTERM", "floatx from float32", "seed"):
        assert name in line
    assert "secret" not in text


def test_a_bug_stops_the_study(place: Workplace):
    """The same error in the first three trials is no bad trial but a bad program."""
    source = place.folder / "buggy.py"
    source.write_text("def build(trial, inputs, outputs):\n    return trial.width / 0\n")
    study = place.study("buggy", budget=20, space=f"{source}:build", overrides=())
    place.work(study)
    stopped = studies.refresh(place.store, study)
    assert stopped.state == "stopped"
    assert stopped.reason is not None
    assert "failed in the same way" in stopped.reason
    records = trials.list_trials(place.store, study)
    assert [t.state for t in records] == ["failed"] * 3
    assert all("buggy.py" in (t.failure.traceback or "") for t in records if t.failure)


def test_a_full_disk(place: Workplace, tmp_path: Path):
    """Neither checkpoint nor model fits: the trials keep their values and say what is missing."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(tiny_disk(tmp_path / "disk", size="64k"))
        except Unavailable as e:
            refuse(f"a full disk is not tested: {e}", required=False)
        study = place.study("full", budget=2, overrides=(*STEADY, "epochs=8"), artifacts=disk)
        place.work(study)
        records = trials.list_trials(place.store, study)
        assert place.files(study) == [], "half a file was left behind"
    assert [(t.state, t.model) for t in records] == [("complete", None)] * 2
    assert all(t.value is not None for t in records)
    for failure in (t.failure for t in records):
        assert failure is not None
        assert failure.kind == "unsaved"
        assert "No space left on device" in failure.message
    assert any("no checkpoint of epoch" in entry.text for entry in logs.read(place.store, study))


GREEDY = '''
"""Joins a group with little memory and takes more, if it is to."""

import os
from pathlib import Path

GROUP = Path("{group}")


def build(trial, inputs, outputs):
    import keras
    import numpy as np

    if trial.suggest_categorical("greedy", [False, True]):
        GROUP.write_text(str(os.getpid()))
        taken = []
        while True:
            taken.append(np.ones(2**23))
    rows = keras.Input(inputs.shape)
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(rows))
'''


def test_killed_by_the_kernel(place: Workplace):
    """A process that takes too much dies alone: its trial is out of memory, the study goes on."""
    with ExitStack() as stack:
        try:
            group = stack.enter_context(little_memory(256 * 2**20))
        except Unavailable as e:
            refuse(f"a kill by the kernel is not tested: {e}", required=False)
        source = place.folder / "greedy.py"
        source.write_text(GREEDY.format(group=group))
        study = place.study("greedy", budget=2, space=f"{source}:build", overrides=("epochs=2",))
        for greedy in (True, False):
            trial_actions.enqueue(place.store, study, {"greedy": greedy})
        with Supervisor(place.store, study, workers=1, threads=1) as watching:
            poll(lambda: not watching.watch(), waiting_for="the end of the study")
    assert (watching.restarts, watching.failures) == (1, [])
    killed, good = trials.list_trials(place.store, study)
    assert (killed.state, good.state) == ("failed", "complete")
    assert killed.failure is not None
    assert killed.failure.kind == "out_of_memory"
    assert "the kernel killed" in killed.failure.message
