"""The exit code that a worker announces, and what it died of if it announces none."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tuner.workers import exit_codes
from tuner.workers.exit_codes import death_cause, open_file, read

ANNOUNCES = (
    "import os, sys; from tuner.workers import exit_codes; "
    "exit_codes.announce(int(sys.argv[1]), 3); "
)


@pytest.mark.parametrize(
    "then",
    [
        "sys.exit(0)",
        "os._exit(2)",
        "os.abort()",
        "import atexit; atexit.register(os._exit, 1)",
    ],
)
def test_the_announced_code_counts_however_the_process_ends(then: str):
    """What users' code does at exit changes nothing any more."""
    with open_file() as file:
        subprocess.run(
            [sys.executable, "-c", ANNOUNCES + then, str(file.fileno())],
            pass_fds=(file.fileno(),),
            check=False,
        )
        assert read(file) == exit_codes.REPLACE


def test_who_does_not_exit_after_announcing_is_ended():
    """By the kernel, whatever its threads do."""
    hangs = "import signal; signal.setitimer(signal.ITIMER_REAL, 0.1); signal.pause()"
    with open_file() as file:
        ended = subprocess.run(
            [sys.executable, "-c", ANNOUNCES + hangs, str(file.fileno())],
            pass_fds=(file.fileno(),),
            check=False,
        )
        assert (read(file), ended.returncode) == (exit_codes.REPLACE, -signal.SIGALRM)


@pytest.mark.parametrize("code", [0, 2, 3])
def test_an_exit_code_is_no_announcement(code: int):
    """The user's code may choose any."""
    with open_file() as file:
        ended = subprocess.run(
            [sys.executable, "-c", f"import os; os._exit({code})"],
            pass_fds=(file.fileno(),),
            check=False,
        )
        assert (read(file), ended.returncode) == (None, code)


def test_nobody_listens():
    """As to a worker that was started by hand."""
    exit_codes.announce(None, 0)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, "exit code 0"),
        (7, "exit code 7"),
        (-11, "signal 11 (SIGSEGV)"),
        (-6, "signal 6 (SIGABRT)"),
        (-9, None),
        (-15, None),
        (-2, None),
        (-1, None),
        (-200, "signal 200"),
    ],
)
def test_what_a_process_died_of(code: int, expected: str | None):
    """Of its own doing: who was ended from outside is not to blame."""
    assert death_cause(code) == expected
