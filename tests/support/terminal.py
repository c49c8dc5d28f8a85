"""Type commands in real processes, as a user would in a folder; they are warm: see ``warm``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.polling import PATIENCE
from tests.support.sources import ROOT


@dataclass(frozen=True)
class Terminal:
    """A folder in which commands are typed.

    Attributes:
        storage: The store's URL; None for the default one.
        prefix: Options of Python itself.
        popen: How processes are started; ``warm.ColdPopen`` as users start them.
    """

    folder: Path
    storage: str | None = None
    prefix: tuple[str, ...] = ("-P",)
    environment: dict[str, str] = field(default_factory=dict)
    popen: type[subprocess.Popen] = warm.Popen

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `tuner` to its end."""
        with warm.started(self.popen):
            return subprocess.run(
                self._command(words),
                cwd=self.folder,
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )

    def json(self, *words: str) -> Any:
        """What a command prints, which must be JSON and nothing else."""
        ended = self(*words, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Start `tuner` and leave it running; at the end of the block it is interrupted."""
        process = self.popen(
            self._command(words),
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, *self.prefix, "-m", "tuner", *words]

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        environment.pop("TUNER_STORAGE", None)
        if self.storage is not None:
            environment["TUNER_STORAGE"] = self.storage
        return environment
