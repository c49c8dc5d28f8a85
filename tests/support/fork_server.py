"""Processes that call one function, forked from one that has TensorFlow imported: see ``warm``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.polling import PATIENCE, poll
from tests.support.sources import ROOT

CODE = """
import importlib, json, sys
module, _, name = sys.argv[1].partition(":")
getattr(importlib.import_module(module), name)(*json.loads(sys.argv[2]))
"""


@dataclass(eq=False)
class Child:
    """A process.

    Attributes:
        output: The file that it prints to.
        name: What its starter calls it.
    """

    process: subprocess.Popen[Any]
    output: Path
    name: str

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code where its end was seen."""
        return self.process.returncode

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it is still there."""
        self.process.send_signal(number)

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self.process.poll()

    def wait(self, timeout: float = PATIENCE) -> int:
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

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        words = ["-c", CODE, function, json.dumps(arguments)]
        return self._start(words, environment, output, name)

    def command(
        self, *words: str, environment: Mapping[str, str] | None = None, name: str = ""
    ) -> Child:
        """Run ``tuner`` with these words in a new process."""
        return self._start(["-m", "tuner", *words], environment, None, name)

    def _start(
        self,
        words: Sequence[str],
        environment: Mapping[str, str] | None,
        output: Path | None,
        name: str,
    ) -> Child:
        output = output or self._folder / f"output-{len(self._children)}"
        fixed = {**warm.SINGLE_THREAD, **warm.QUIET, "PYTHONUNBUFFERED": "1"}
        with output.open("ab") as file:
            process = warm.Popen(
                [sys.executable, "-P", *words],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **fixed, "PYTHONPATH": str(ROOT), **(environment or {})},
                cwd=self._folder,
                start_new_session=True,
            )
        child = Child(process, output, name)
        self._children.append(child)
        return child

    def kill_all(self) -> None:
        """Kill the children that are left."""
        for child in self._children:
            child.send(signal.SIGKILL)
            child.wait()


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """A nursery for as long as the block lasts; its children are killed at the end.

    Args:
        folder: For what children print.
    """
    made = Nursery(folder)
    try:
        yield made
    finally:
        made.kill_all()
