"""Processes that have TensorFlow imported already: the import takes seconds, a fork none.

A nursery is one process that has imported all that a worker needs and has done nothing with it
yet, so that it is still a single thread. It forks a child for each call; a child can be
signalled and killed like any other process.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from tests.support.polling import poll
from tests.support.sources import ROOT

IMPORTED_EARLY = ("tuner.worker", "tensorflow", "keras")


@dataclass(eq=False)
class Child:
    """A forked process.

    Attributes:
        output: The file that it prints to.
        name: What its starter calls it.
    """

    pid: int
    output: Path
    nursery: Nursery
    name: str
    returncode: int | None = None

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it is still there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self.nursery.ask(do="poll", pid=self.pid)
        return self.returncode

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for its end and give its exit code."""
        poll(lambda: self.poll() is not None, timeout, waiting_for=f"the end of {self}")
        assert self.returncode is not None
        return self.returncode

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def __str__(self) -> str:
        return f"process {self.pid}, which printed: {self.said[-2000:]}"


class Nursery:
    """Starts children; see ``nursery``."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder, self._lock = process, folder, Lock()
        self._children: list[Child] = []

    def start(
        self,
        function: str,
        *arguments: Any,
        environment: Mapping[str, str] | None = None,
        output: Path | None = None,
        name: str = "",
    ) -> Child:
        """Call ``module:function`` in a new process.

        Args:
            arguments: JSON-able.
            environment: Variables that differ from ours.
        """
        output = output or self._folder / f"output-{len(self._children)}"
        pid = self.ask(
            do="fork",
            function=function,
            arguments=arguments,
            environment=dict(environment or {}),
            output=str(output),
        )
        child = Child(pid, output, self, name)
        self._children.append(child)
        return child

    def ask(self, **request: Any) -> Any:
        """Have the process in which children are made answer a request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def kill_all(self) -> None:
        """Kill the children that are left."""
        for child in self._children:
            child.send(signal.SIGKILL)
            child.wait()


@contextmanager
def nursery(folder: Path, *, prefix: tuple[str, ...] = ()) -> Iterator[Nursery]:
    """A nursery for as long as the block lasts; its children are killed at the end.

    Args:
        folder: For what children print.
        prefix: A command that starts the process, such as ``ip netns exec NAME``.
    """
    single = {  # threads do not survive a fork
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's, where it is installed
    }
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONUNBUFFERED": "1"}
    with (folder / "nursery-output").open("wb") as errors:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-P", "-m", "tests.support.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **single, **quiet, "PYTHONPATH": str(ROOT)},
            cwd=folder,
            text=True,
        )
        made = Nursery(process, folder)
        try:
            yield made
        finally:
            made.kill_all()
            process.communicate()


def main() -> None:
    """Import everything, then fork a child for each request on standard input."""
    for name in IMPORTED_EARLY:
        importlib.import_module(name)
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"{threads} threads: a fork would lose all but one"
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        answer = _fork(request) if request["do"] == "fork" else _poll(request["pid"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _poll(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _fork(request: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(_live(request))
    return pid


def _live(request: dict[str, Any]) -> int:
    """A child's life: its exit code."""
    os.setsid()
    printed = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for own, standard in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(own, standard)
    os.environ.update(request["environment"])
    module, _, name = request["function"].partition(":")
    try:
        getattr(importlib.import_module(module), name)(*request["arguments"])
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    main()
