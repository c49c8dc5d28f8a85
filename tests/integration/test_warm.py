"""A warm process is to everybody what one that Python has just started is."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.polling import poll
from tests.support.sources import ROOT
from tuner.workers.process_pool import ProcessPool

pytestmark = pytest.mark.keras  # the first one waits until TensorFlow has been imported

CODES = {
    "arguments, folder, variables": (
        "import os, sys; print(sys.argv, os.getcwd(), os.environ['MINE'], os.environ.get('HOME'))"
    ),
    "standard input and both outputs": (
        "import sys; print(sys.stdin.read()[::-1]); print('said', file=sys.stderr)"
    ),
    "a code": "import sys; sys.exit(7)",
    "words as a code": "raise SystemExit('no more')",
    "an error": "1 / 0",
    "a killed one": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "one that is interrupted": (
        "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT); print('never')"
    ),
    "a session": "import os; print(os.getsid(0) == os.getpid())",
    "whose child it is": "import os, sys; print(os.getppid() == int(sys.argv[1]))",
    "an atexit function and a thread": (
        "import atexit, threading; atexit.register(print, 'last')\n"
        "threading.Thread(target=print, args=['thread']).start()"
    ),
    "what it is called": "print(__name__); import __main__; print(__main__.__name__)",
    "a place for temporary files": "import tempfile; print(tempfile.gettempdir())",
    "pickles": (
        "import pickle\nclass Own: pass\nprint(type(pickle.loads(pickle.dumps(Own()))) is Own)"
    ),
}


def ended(popen: type[subprocess.Popen], code: str, folder: Path) -> tuple[int, str, str]:
    """Exit code, output, and the last line of the errors."""
    with popen(
        [sys.executable, "-P", "-c", code, str(os.getpid()), "a b"],
        cwd=folder,
        env={**os.environ, "MINE": "ü", "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        said, errors = process.communicate("word")
    return process.returncode, said, errors.strip().rpartition("\n")[2]


@pytest.mark.parametrize("what", CODES)
def test_it_ends_as_a_cold_one_does(what: str, tmp_path: Path):
    """The same code gives the same exit code, output and error."""
    cold, hot = (ended(popen, CODES[what], tmp_path) for popen in (warm.ColdPopen, warm.Popen))
    assert hot == cold


def test_it_has_tensorflow_imported():
    """That is what it is for."""
    found = warm.run([sys.executable, "-P", "-c", "import sys; print('keras' in sys.modules)"])
    assert found.stdout == b"True\n"


def test_an_isolated_one_knows_nothing_of_this_project(tmp_path: Path):
    """Keras is imported, our packages are not, and variables and folders do not lead to them."""
    (tmp_path / "tuner.py").touch()
    names = ("keras", "tuner", "search_spaces", "storage")
    code = f"import sys; print([name in sys.modules for name in {names}], sys.path)"
    found = warm.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        text=True,
    )
    imported, path = found.stdout[:-1].split("] ")
    assert imported == "[True, False, False, False"
    assert not {"", str(ROOT), str(tmp_path)} & set(ast.literal_eval(path))


def test_a_signal_reaches_it():
    """Its exit code says which one, and it is gone."""
    code = "print('here', flush=True); import signal; signal.pause()"
    with warm.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


@pytest.mark.parametrize(
    "words",
    [["-E", "-c", "pass"], ["-X", "importtime", "-c", "pass"], ["--version"], []],
    ids=" ".join,
)
def test_what_asks_for_a_fresh_start_gets_it(words: list[str]):
    """Options of Python's own cannot be had from a fork."""
    asked = {"args": [sys.executable, *words], "env": None, "cwd": None, "start_new_session": False}
    assert warm.Call.of(asked) is None


def test_open_files_that_it_is_given_are_there(tmp_path: Path):
    """Under their numbers, as workers are given one; others are not."""
    code = "import os, sys; os.write(int(sys.argv[1]), b'here'); os.fstat(int(sys.argv[2]))"
    with (tmp_path / "given").open("wb") as given, (tmp_path / "not").open("wb") as other:
        os.set_inheritable(other.fileno(), True)
        words = [sys.executable, "-c", code, str(given.fileno()), str(other.fileno())]
        ended = warm.run(words, pass_fds=[given.fileno()])
    assert (tmp_path / "given").read_bytes() == b"here"
    assert b"Bad file descriptor" in ended.stderr


def test_workers_are_warm():
    """As a supervisor starts them: everything about its request can be had from a fork."""
    with warm.started(warm.TunerPopen), ProcessPool(1, 1) as pool:
        (waiting,) = pool._waiting
        comm = Path(f"/proc/{waiting.process.pid}/comm")
        poll(lambda: comm.read_text().strip() == "tuner.workers.worker"[: warm.LONGEST_NAME])


def test_other_programs_are_left_alone():
    """And so is everything that changes accounts or runs code of ours in between."""
    usual = {"env": None, "cwd": None, "start_new_session": False}
    python = [sys.executable, "-c", "pass"]
    assert warm.Call.of({**usual, "args": ["true"]}) is None
    assert warm.Call.of({**usual, "args": python, "preexec_fn": print}) is None
    assert warm.Call.of({**usual, "args": python, "uid": 1}) is None
    assert warm.Call.of({**usual, "args": python}) is not None
