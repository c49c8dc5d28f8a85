"""Worker processes that are started before there is a study to work on.

Importing TensorFlow takes longer than all that has to be checked and made before a worker can
begin: both are done at the same time. A process in standby imports what a worker needs, then
reads its order, one line, from standard input; it exits when nobody is left to give one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.machine import environment, output_file, shares

FLAG = "--standby"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A process in standby, and the file that it prints to."""

    threads: int
    gpu: str | None
    process: subprocess.Popen[bytes]
    output: Any

    def order(self, words: Sequence[str], variables: Mapping[str, str]) -> None:
        """Lets it work; a process that has died meanwhile is the supervisor's to replace."""
        line = json.dumps({"words": list(words), "variables": dict(variables)})
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.close()
        except BrokenPipeError:
            pass


class Standby:
    """Processes for workers to come; those that were not needed end with the ``with`` block."""

    def __init__(self, count: int, threads: int | None) -> None:
        self._shares = shares(count, threads)
        self._waiting: list[Waiting] = []

    def __enter__(self) -> Standby:
        try:
            for threads, gpu in self._shares:
                self._waiting.append(_start(threads, gpu))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for waiting in self._waiting:
            waiting.process.kill()
            waiting.process.wait()
            waiting.order((), {})  # closes the pipe
            waiting.output.close()
        self._waiting = []

    def take(self, *, threads: int, gpu: str | None) -> Waiting | None:
        """A process with this share of the machine, if there is one left."""
        for waiting in self._waiting:
            if (waiting.threads, waiting.gpu) == (threads, gpu) and waiting.process.poll() is None:
                self._waiting.remove(waiting)
                return waiting
        return None


def _start(threads: int, gpu: str | None) -> Waiting:
    output = output_file()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tuner.worker", FLAG],
        env=environment(threads=threads, gpu=gpu),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the supervisor alone
    )
    return Waiting(threads=threads, gpu=gpu, process=process, output=output)


def words() -> list[str]:
    """What this process was started with, or, in standby, what it is ordered to do."""
    typed = sys.argv[1:]
    if typed != [FLAG]:
        return typed
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)  # nobody needs it
    order = json.loads(line)
    os.environ.update(order["variables"])
    ordered: list[str] = order["words"]
    return ordered
