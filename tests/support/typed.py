"""The command line in this process, and what it says to a mistake."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tuner.cli import main


@dataclass(frozen=True)
class Typed:
    """Types commands."""

    folder: Path

    def __call__(self, *words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, list(words), input=typed, prog_name="tuner")

    def json(self, *words: str) -> Any:
        """What a command prints on standard output, which must be JSON and nothing else."""
        result = self(*words, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout, parse_constant=pytest.fail)


def refused(result: Result) -> str:
    """The line that a refused command prints, after checking that it is one."""
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line
