"""Users' code that takes from its worker what that needs: descriptors, limits, Python itself."""

from __future__ import annotations

import pytest

from search_spaces import catalog
from search_spaces.user_code import source_files
from storage import logs, studies, trial_actions, trials
from tests.support.polling import poll
from tests.support.working import Workplace, attempts
from tuner.workers.supervisor import Supervisor

pytestmark = [pytest.mark.keras, pytest.mark.slow]

CODE = '''
"""Does harm of a kind at a place."""

import builtins
import gc
import logging.config
import os
import resource
import signal
import sys
import threading

import keras


def limit(name, soft):
    kind = getattr(resource, name)
    resource.setrlimit(kind, (soft, resource.getrlimit(kind)[1]))


def nothing(*given, **named):
    raise OSError("replaced")


HARMS = {
    "none": lambda: None,
    "builtins": lambda: setattr(builtins, "open", nothing) or setattr(builtins, "print", nothing),
    "modules": lambda: sys.modules.update(json=None, sqlite3=None),
    "path": sys.path.clear,
    "mask": lambda: os.umask(0o777),
    "signals": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]),
    "hooks": lambda: setattr(threading, "excepthook", nothing),
    "loggers": lambda: logging.config.dictConfig({"version": 1}),
    "streams": lambda: sys.stderr.close() or sys.stdout.close(),
    "output": lambda: os.close(1) or os.close(2),
    "cores": lambda: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]),
    "file size": lambda: limit("RLIMIT_FSIZE", 0),
    "open files": lambda: limit("RLIMIT_NOFILE", 3),
    # Those above are all done to one worker at once, the limits last.
    "memory": lambda: limit("RLIMIT_AS", 2**20),
    "all files": lambda: os.closerange(3, 256),
}
RESTORED = list(HARMS)[: list(HARMS).index("memory")]


def harm(place):
    kind, chosen = keras.chosen_by_test  # this file is a module for each of its functions
    if chosen == place and kind == "all":
        for one in RESTORED:
            HARMS[one]()
    elif chosen == place:
        HARMS[kind]()


class Callback(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        harm("callback")


def build(trial, inputs, outputs):
    keras.chosen_by_test = [
        trial.suggest_categorical("harm", ["all", *HARMS]),
        trial.suggest_categorical("place", ["build", "callback"]),
    ]
    rows = keras.Input(inputs.shape)
    model = keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(rows))
    harm("build")
    return model
'''
FATAL = ("all files", "callback")
CASES = [("none", "build"), ("all", "build"), ("all", "callback"), ("memory", "build"), FATAL,
         ("none", "callback")]  # fmt: skip


def test_whatever_users_code_takes_from_its_worker_the_study_goes_on(place: Workplace):
    """What can be restored is; a worker without its descriptors is replaced, and says why.

    A trial that does so twice has failed: nothing loops.
    """
    source = place.folder / "harm.py"
    source.write_text(CODE)
    name, callback = f"{source}:build", f"{source}:Callback"
    overrides = ("optimizer=sgd", "learning_rate=0.01", "batch_size=256", "epochs=2")
    study = place.study(
        "harm",
        budget=len(CASES),
        space=name,
        overrides=overrides,
        lease=30.0,
        callbacks=(callback,),
        code_fingerprint=source_files.fingerprint([callback]),
        keep=len(CASES),
    )
    space = catalog.load(name, overrides)
    for harm, where in CASES:
        chosen = {"harm": harm, "place": where, "learning_rate": 0.01}
        trial_actions.enqueue(place.store, study, space.encode(chosen))
    with Supervisor(place.store, study, workers=1, threads=1) as watching:
        poll(lambda: not watching.watch(), waiting_for="the end of the study")
    records = trials.list_trials(place.store, study)
    states = {}
    for case, r in zip(CASES, records, strict=True):
        states[case] = (r.state, r.failure.kind if r.failure else None)
        if case == FATAL:
            assert r.failure is not None
            assert "closed files of its worker" in r.failure.message
    assert studies.refresh(place.store, study).state == "finished"
    told = "".join(entry.text for entry in logs.read(place.store, study))
    assert states == {
        case: ("failed", "lost") if case == FATAL else ("complete", None) for case in CASES
    }, told
    assert watching.restarts == 2
    assert len(attempts(place.store, study)) == len(CASES) + 1
