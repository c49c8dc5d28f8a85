"""Python processes that have TensorFlow imported already: the import takes seconds, a fork none.

``Popen`` is ``subprocess.Popen``, but a Python process that it starts is forked from one that is
warm: one that has imported what our processes need and has done nothing with it, so that it is
still a single thread. From there on it is a process like any other: it has its own arguments,
folder, environment, files and session, and is our child, which can be signalled and waited for.
A command of ours or a script has such a source of its own for what it starts in its turn: forked
from it before it does anything, because an open SQLite file does not survive a fork.

An isolated process (``-I``) is forked from one that has imported TensorFlow and Keras alone: it
knows nothing of this project, as a stranger's. A command that is not Python, or that asks for
something else of Python's start (``-X``, ``preexec_fn``, ...), is started as ever; so is everything
where the kernel is not Linux.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import gc
import importlib
import inspect
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy.orm

from tests.support.sources import ROOT

PUBLIC = ("tensorflow", "keras")
OURS = (
    "tuner.workers.worker",
    "tuner.trials.attempt",
    "tuner.cli",
    "tuner.workers.calibration",
    "tuner.dashboard",
    # What functions import, which most processes call.
    "alembic.migration",
    "fsspec.implementations.local",
    "plotly.graph_objects",
    "pyarrow.pandas_compat",
    "optuna.visualization",
    "rich.status",
    "search_spaces.families.mlp",
    "sklearn.datasets",
    "tuner.cli.run_workers",
    "tuner.models",
    "tuner.models.rerun",
    "tuner.report",
    "tuner.search.samplers",
    "tuner.study_setup.create_study",
)
SET_NAME, SET_CHILD_SUBREAPER = 15, 36  # of prctl(2)
LONGEST_NAME = 15
STANDARD = (0, 1, 2)  # input, output, errors
MOST_FILES = 16  # of one request
ABOVE_KEPT = 512  # no file that a process shall keep has such a number
KNOWN_VARIABLES = {"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"}
SINGLE_THREAD = {  # threads do not survive a fork
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's, where it is installed
}
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}

LIBRARY = ctypes.CDLL(None)
ColdPopen = subprocess.Popen


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a process is to do.

    Attributes:
        safe: Whether nothing is to be imported from the current folder or the script's (``-P``).
        isolated: Nor from what variables name (``-I``).
        kind: ``-m``, ``-c``, or nothing for a file.
        what: The module, the code or the file.
        words: Its arguments.
        parent: Id of the process whose child it is.
        kept: Numbers of open files that it gets besides the standard ones.
    """

    safe: bool
    isolated: bool
    kind: str
    what: str
    words: list[str]
    folder: str
    environment: dict[str, str]
    session: bool
    parent: int
    kept: list[int]

    @property
    def may_start_others(self) -> bool:
        """Whether it is a command or a script, not a part of one."""
        return not self.kind or self.what == "tuner" or self.what.startswith("benchmarks.")

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Call | None:
        """From the arguments of ``Popen``; None where only a cold start can do it."""
        unusual = ("preexec_fn", "shell", "startupinfo", "executable")
        unset = all(asked.get(name) in (None, (), [], False) for name in unusual)
        accounts = all(asked.get(name) is None for name in ("gid", "gids", "uid"))
        if not unset or not accounts or asked.get("process_group", -1) not in (None, -1):
            return None
        command = asked["args"]
        parsed = _parsed([os.fspath(word) for word in command]) if _is_list(command) else None
        environment = dict(os.environ if asked["env"] is None else asked["env"])
        if parsed is None:
            return None
        option, kind, what, words = parsed
        isolated = option == "-I"
        if not isolated and not _usual(environment):
            return None
        return cls(
            safe=isolated or option == "-P",
            isolated=isolated,
            kind=kind,
            what=what,
            words=words,
            folder=os.fspath(asked["cwd"] or os.getcwd()),
            environment=environment,
            session=bool(asked["start_new_session"]),
            parent=os.getpid(),
            kept=sorted(asked.get("pass_fds", ())),
        )


def _is_list(command: Any) -> bool:
    return isinstance(command, Sequence) and not isinstance(command, str | bytes)


def _parsed(command: list[Any]) -> tuple[str, str, str, list[str]] | None:
    """Python's option, the kind, what is run, and its arguments."""
    if not command or command[0] != sys.executable or not all(isinstance(w, str) for w in command):
        return None
    option = command[1] if command[1:2] in (["-P"], ["-I"]) else ""
    words = command[2:] if option else command[1:]
    if not words or (words[0].startswith("-") and words[0] not in ("-m", "-c")):
        return None
    kind = words.pop(0) if words[0] in ("-m", "-c") else ""
    return (option, kind, words[0], words[1:]) if words else None


def _usual(environment: Mapping[str, str]) -> bool:
    """Whether no variable asks for something that Python does when it starts."""
    asked = {name for name in environment if name.startswith("PYTHON")} - KNOWN_VARIABLES
    return all(environment[name] == os.environ.get(name) for name in asked)


class Popen(subprocess.Popen):
    """``subprocess.Popen``; Python is warm where it can be."""

    @staticmethod
    def suits(call: Call) -> bool:
        """Whether it may be warm."""
        return True

    def _execute_child(self, *given: Any, **named: Any) -> None:
        cold = super()._execute_child
        asked = inspect.signature(cold).bind(*given, **named).arguments
        call = Call.of(asked) if sys.platform == "linux" else None
        chosen = source() if call and self.suits(call) else None
        if call is None or chosen is None:
            cold(*given, **named)
            return
        wanted = (asked["p2cread"], asked["c2pwrite"], asked["errwrite"])
        files = [own if own != -1 else usual for own, usual in zip(wanted, STANDARD, strict=True)]
        self.pid = chosen.start(call, [*files, *call.kept])
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(asked[name] for name in pipes))


def run(
    command: Sequence[Any], *, input: Any = None, timeout: float | None = None, **options: Any
) -> subprocess.CompletedProcess[Any]:
    """``subprocess.run`` with a warm process; its output is captured."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    standard = subprocess.DEVNULL if input is None else subprocess.PIPE
    with Popen(command, **{"stdin": standard, **pipes, **options}) as process:
        try:
            said = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, *said)


class TunerPopen(Popen):
    """``subprocess.Popen``; only modules of our own are warm."""

    @staticmethod
    def suits(call: Call) -> bool:
        """Whether it may be warm."""
        return call.kind == "-m" and call.what.partition(".")[0] in ("tuner", "benchmarks")


def runs(pid: int, module: str) -> bool:
    """Whether a process was started with ``-m module``, warm or cold.

    Raises:
        OSError: It is gone.
    """
    folder = Path(f"/proc/{pid}")
    cold = module.encode() in (folder / "cmdline").read_bytes().split(b"\0")
    return cold or (folder / "comm").read_text().strip() == module[:LONGEST_NAME]


@contextmanager
def started(how: type[subprocess.Popen]) -> Iterator[None]:
    """Within the block, what uses ``subprocess`` starts processes in this way."""
    before = subprocess.Popen
    subprocess.Popen = how
    try:
        yield
    finally:
        subprocess.Popen = before


class Source:
    """The process that others are forked from, as seen from its parent.

    Args:
        asked: The socket that it hears requests from.
        end: Called when it is closed: waits for its end.
    """

    def __init__(self, asked: socket.socket, end: Callable[[], Any]) -> None:
        self._asked, self._end = asked, end
        self._lock = threading.Lock()

    @classmethod
    def cold(cls) -> Source:
        """One that has yet to import everything."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = ColdPopen(
                [sys.executable, "-P", "-m", "tests.support.warm", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **SINGLE_THREAD, **QUIET, "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
            )
        return cls(ours, process.wait)

    @classmethod
    def forked(cls) -> Source:
        """A fork of this process, which must be warm and have done nothing."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            ours.close()
            nothing = os.open(os.devnull, os.O_RDWR)
            for standard in STANDARD:
                os.dup2(nothing, standard)
            _serve(theirs)
            os._exit(0)
        theirs.close()
        return cls(ours, lambda: os.waitpid(pid, 0))

    def start(self, call: Call, files: Sequence[int]) -> int:
        """A child of this process: its id."""
        with self._lock, _adopting(), memory_file(json.dumps(asdict(call))) as text:
            answer = self.ask(b"plain" if call.isolated else b"whole", [text, *files])
        if not answer:
            raise RuntimeError("Expected a warm process. Received: it ended; see what it printed.")
        return int(answer)

    def ask(self, which: bytes, files: Sequence[int]) -> bytes:
        """The answer to one request, the call's text first among its files."""
        socket.send_fds(self._asked, [which], files)
        return self._asked.recv(32)

    def close(self) -> None:
        """Ends it; the processes that it was asked for stay."""
        self._asked.close()
        self._end()


@contextmanager
def memory_file(text: str) -> Iterator[int]:
    """A file descriptor of a nameless file; a message over a socket must be short."""
    file = os.memfd_create("call")
    try:
        with os.fdopen(os.dup(file), "w") as out:
            out.write(text)
        yield file
    finally:
        os.close(file)


@contextmanager
def _adopting() -> Iterator[None]:
    """Within the block, processes whose parent ends among our descendants become our children."""
    LIBRARY.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        LIBRARY.prctl(SET_CHILD_SUBREAPER, 0, 0, 0, 0)


_source: Source | None = None
_is_warm = False  # in a process that was forked from a source
_making = threading.Lock()


def source() -> Source | None:
    """The source of this process, started when it is first asked for.

    None in a warm process that has none: there it is too late.
    """
    global _source
    with _making:
        if _source is None and not _is_warm:
            _source = Source.cold()
            atexit.register(_source.close)
        return _source


def main() -> None:
    """A source's life: imports everything, then forks a process for each request."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    _import(PUBLIC)
    plain = Source.forked()
    _import(OURS, then=sqlalchemy.orm.configure_mappers)  # as the first question to a store does
    _serve(asked, plain)


def _import(names: Sequence[str], then: Callable[[], Any] = lambda: None) -> None:
    gc.disable()  # nothing of it is garbage: to look it through each time takes seconds
    for name in names:
        importlib.import_module(name)
    then()
    gc.enable()
    gc.collect()
    gc.freeze()  # or else each child's first look for garbage copies all that was imported
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"{threads} threads: a fork would lose all but one"


def _serve(asked: socket.socket, plain: Source | None = None) -> None:
    """Forks until nobody can ask any more.

    Args:
        plain: Is asked for isolated processes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for those who ask
    while True:
        message, files, _, _ = socket.recv_fds(asked, 32, MOST_FILES)
        if not message:
            return
        if message == b"plain" and plain is not None:
            asked.send(plain.ask(message, files))
        else:
            _fork_for(asked, files)
        for file in files:
            os.close(file)


def _fork_for(asked: socket.socket, files: Sequence[int]) -> None:
    """A grandchild, whose parent ends at once: then it is the child of who adopts it."""
    with os.fdopen(os.dup(files[0])) as text:
        text.seek(0)
        call = Call(**json.load(text))
    told, tell = os.pipe()
    between = os.fork()
    if between == 0:
        pid = os.fork()
        if pid:
            os.write(tell, str(pid).encode())
            os._exit(0)
        while os.getppid() != call.parent:
            time.sleep(0.0005)
        _live(call, files[1:])
    pid = int(os.read(told, 32))
    for pipe in (told, tell):
        os.close(pipe)
    os.waitpid(between, 0)
    asked.send(str(pid).encode())  # now it is adopted


def _live(call: Call, files: Sequence[int]) -> None:
    """What a new process does: never returns."""
    global _is_warm, _source
    code = 1
    try:
        _is_warm = True
        weakref.finalize._registry.clear()  # temporary folders of who was forked are not ours
        subprocess.Popen = TunerPopen
        _prepare(call, files)
        _source = Source.forked() if call.may_start_others else None
        code = _exit_code(call)
    except BaseException:
        traceback.print_exc()
    finally:
        _end(code)


def _prepare(call: Call, files: Sequence[int]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if call.session:
        os.setsid()
    copies = [fcntl.fcntl(file, fcntl.F_DUPFD, ABOVE_KEPT) for file in files]
    for copy, number in zip(copies, [*STANDARD, *call.kept], strict=True):
        os.dup2(copy, number)
    for below, above in pairwise([STANDARD[-1], *call.kept, os.sysconf("SC_OPEN_MAX")]):
        os.closerange(below + 1, above)
    os.environ.clear()
    os.environ.update(call.environment)
    tempfile.tempdir = None  # found out early, when TMPDIR was another one
    os.chdir(call.folder)
    _reopen_standard_files()
    if call.kind == "-m":
        LIBRARY.prctl(SET_NAME, call.what[:LONGEST_NAME].encode(), 0, 0, 0)
    asked = "" if call.isolated else call.environment.get("PYTHONPATH", "")
    path = [entry for entry in asked.split(os.pathsep) if entry]
    rest = [entry for entry in sys.path if entry != str(ROOT)]
    here = [] if call.safe else [_first_entry(call)]
    sys.path[:] = [*here, *path, *rest]
    sys.argv[:] = [call.kind or call.what, *call.words]
    gone = [name for name in sys.modules if name.partition(".")[0] == "tests"]
    for name in gone:  # this file too: what `tests` is depends on the path
        if name != __name__:
            del sys.modules[name]
    importlib.invalidate_caches()


def _first_entry(call: Call) -> str:
    if call.kind == "-c":
        return ""
    return os.getcwd() if call.kind else os.path.dirname(os.path.abspath(call.what))


def _reopen_standard_files() -> None:
    at_once = bool(os.environ.get("PYTHONUNBUFFERED"))
    sys.stdin = sys.__stdin__ = os.fdopen(0, "r", closefd=False)
    for name, file in (("stdout", 1), ("stderr", 2)):
        errors = "strict" if file == 1 else "backslashreplace"
        raw: Any = io.FileIO(file, "w", closefd=False)
        raw = raw if at_once else io.BufferedWriter(raw)
        lines = file == 2 or os.isatty(file)
        text = io.TextIOWrapper(
            raw, sys.getfilesystemencoding(), errors, None, lines, write_through=at_once
        )
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)


def _exit_code(call: Call) -> int:
    try:
        _work(call)
    except SystemExit as e:
        if e.code is None or isinstance(e.code, int):
            return e.code or 0
        sys.stderr.write(f"{e.code}\n")
        return 1
    except KeyboardInterrupt:
        traceback.print_exc()
        return -signal.SIGINT
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _work(call: Call) -> None:
    if call.kind == "-m":
        sys.modules.pop(call.what, None)  # as when nothing has imported it
        runpy.run_module(call.what, run_name="__main__", alter_sys=True)
    else:
        script = types.ModuleType("__main__")
        sys.modules["__main__"] = script
        if call.kind == "-c":
            code = compile(call.what, "<string>", "exec")
        else:
            script.__file__ = call.what
            with open(call.what, "rb") as file:
                code = compile(file.read(), call.what, "exec")
        exec(code, script.__dict__)


def _end(code: int) -> None:
    """Ends as Python does."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for file in (sys.stdout, sys.stderr):
        try:
            file.flush()
        except (OSError, ValueError):
            code = code or 120
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    from tests.support import warm

    warm.main()
