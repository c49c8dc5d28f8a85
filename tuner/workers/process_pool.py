"""Worker processes that are started before there is a study to work on.

Importing TensorFlow takes longer than all that has to be checked and made before a worker can
begin: both are done at the same time. A process in standby imports what a worker needs, then
reads its command, one line of JSON, from standard input; it exits when that is closed.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.resources.cores_and_gpus import environment, output_file, shares
from tuner.workers import exit_codes

FLAG = "--standby"


@dataclass(frozen=True, kw_only=True)
class PooledProcess:
    """A process in standby, the file that it prints to, and the file of its exit code."""

    threads: int
    gpu: str | None
    process: subprocess.Popen[bytes]
    output: Any
    exit_code_file: Any

    def start_work(self, arguments: Sequence[str], variables: Mapping[str, str]) -> None:
        """Sends the command line and environment variables; a dead process does not raise."""
        line = json.dumps({"words": list(arguments), "variables": dict(variables)})
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.close()
        except BrokenPipeError:
            pass


class ProcessPool:
    """Processes in standby for future workers; unused ones end with the ``with`` block.

    Args:
        count: Processes to start.
        threads: CPU threads of each; None shares the machine's cores.
    """

    def __init__(self, count: int, threads: int | None) -> None:
        self._shares = shares(count, threads)
        self._waiting: list[PooledProcess] = []

    def __enter__(self) -> ProcessPool:
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
            waiting.start_work((), {})  # closes the pipe
            waiting.output.close()
            waiting.exit_code_file.close()
        self._waiting = []

    def take(self, *, threads: int, gpu: str | None) -> PooledProcess | None:
        """Removes and returns a live process with this share of the machine; None without one."""
        for waiting in self._waiting:
            if (waiting.threads, waiting.gpu) == (threads, gpu) and waiting.process.poll() is None:
                self._waiting.remove(waiting)
                return waiting
        return None


def _start(threads: int, gpu: str | None) -> PooledProcess:
    output, exit_code_file = output_file(), exit_codes.open_file()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tuner.workers.worker", FLAG],
        env=environment(threads=threads, gpu=gpu),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=(exit_code_file.fileno(),),
        start_new_session=True,  # Ctrl-C is for the supervisor alone
    )
    return PooledProcess(
        threads=threads, gpu=gpu, process=process, output=output, exit_code_file=exit_code_file
    )


def command_arguments() -> list[str]:
    """The command line of this process, or, in standby, the one read from standard input."""
    arguments = sys.argv[1:]
    if arguments != [FLAG]:
        return arguments
    importlib.import_module("tuner.trials.attempt")  # with TensorFlow
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)  # nobody needs it
    command = json.loads(line)
    os.environ.update(command["variables"])
    received: list[str] = command["words"]
    return received
