"""Code of a user's that does, for some trials, what no code should do: see ``bad_space``."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from storage.lost_workers import MAX_LOSSES
from storage.outcomes import DIED
from storage.trials import TrialRecord

FIRST = 4  # number of the first bad trial: a study whose first three are bad is stopped
EVERY = 2  # trials one is bad
MOST = 1000  # bad trials, more than any study has

# What becomes of each: the kind of its failure with a part of the message, nothing for none.
RAISES = {
    "sys.exit(0)": "SystemExit: 0",
    "sys.exit(1)": "SystemExit: 1",
    "sys.exit(2)": "SystemExit: 2",
    "sys.exit(3)": "SystemExit: 3",
    "sys.exit('no')": "SystemExit: no",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise ValueError('no')": "ValueError: no",
}
DIES = {
    "os._exit(0)": f"{DIED} exit code 0",
    "os._exit(2)": f"{DIED} exit code 2",
    "os._exit(3)": f"{DIED} exit code 3",
    "os.abort()": f"{DIED} signal 6 (SIGABRT)",
    "ctypes.string_at(0)": f"{DIED} signal 11 (SIGSEGV)",
    "hang()": f"{MAX_LOSSES} workers were lost on it",
}
HARMLESS = (
    "hang_once(number)",
    "fork(leave)",
    "fork(go_on)",
    "fork(stay)",
    "keras.config.set_floatx('float64')",
    "keras.config.set_dtype_policy('mixed_float16')",
    "os.chdir('/')",
    "os.environ.update(BAD_CODE='1')",
    "warnings.simplefilter('error')",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
)
ENDINGS = {
    **{deed: ("error", part) for deed, part in RAISES.items()},
    **{deed: ("lost", part) for deed, part in DIES.items()},
    **dict.fromkeys(HARMLESS),
}

SOURCE = '''
"""Builds a small network; the numbers of some trials say what else is done before."""

import ctypes
import os
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

import keras

BAD = {bad}
HERE = Path(__file__).parent
STAY = 20.0  # seconds


def hang():
    while True:
        time.sleep(3600)


def hang_once(number):
    done = HERE / f"hung-{{number}}"
    if not done.exists():
        done.touch()
        hang()


def leave():
    os._exit(0)


def go_on():
    """The child comes back from ``build``, as if it were the worker."""


def stay():
    time.sleep(STAY)
    os._exit(0)


def fork(child):
    pid = os.fork()
    if pid == 0:
        child()
    elif child is leave:
        os.waitpid(pid, 0)


def state():
    return (
        keras.config.floatx(),
        keras.config.dtype_policy().name,
        os.getcwd(),
        os.environ.get("BAD_CODE"),
        ("error", None, Warning, None, 0) in warnings.filters,
        signal.getsignal(signal.SIGTERM) == signal.SIG_IGN,
    )


FRESH = state()


def build(trial, inputs, outputs):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    assert state() == FRESH, f"left by another trial: {{state()}}, not {{FRESH}}"
    trial.suggest_float("unused", 0.0, 1.0)  # or trials are the same, and drawn again
    x = rows = keras.Input(inputs.shape)
    for _ in range(2):
        x = keras.layers.Dense(256, "relu")(keras.layers.BatchNormalization()(x))
        x = keras.layers.Dropout(0.2)(x)
    model = keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(x))
    number = trial.number
    exec(BAD.get(number, "pass"))
    return model
'''


class BadCode:
    """Which trials are bad, and how: the same for the same seed.

    Each kind comes once before any comes again.
    """

    def __init__(self, seed: int) -> None:
        deeds = islice(_shuffled(random.Random(seed)), MOST)
        self._deeds = {FIRST + EVERY * i: deed for i, deed in enumerate(deeds)}

    def write(self, folder: Path) -> str:
        """Write the code into a folder; the name of its space."""
        path = folder / "bad.py"
        path.write_text(SOURCE.format(bad=self._deeds))
        return f"{path}:build"

    def among(self, count: int) -> list[str]:
        """What the first so many trials of a study do."""
        return [deed for number, deed in self._deeds.items() if number < count]

    def fault(self, trial: TrialRecord) -> str | None:
        """What is wrong with how a trial ended; None where that is to be expected."""
        deed = self._deeds.get(trial.number)
        expected = None if deed is None else ENDINGS[deed]
        failure = trial.failure
        if expected is None:
            fine = trial.state == "complete" and failure is None and trial.value is not None
        else:
            kind, part = expected
            fine = trial.state == "failed" and failure is not None
            fine = fine and failure.kind == kind and part in failure.message
        return None if fine else f"trial {trial.number} ({deed}) is {trial.state}: {failure}"


def _shuffled(chance: random.Random) -> Iterator[str]:
    while True:
        yield from chance.sample(sorted(ENDINGS), len(ENDINGS))
