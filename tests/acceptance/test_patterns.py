"""The patterns of public scripts in ``examples/patterns`` are launched as their first lines say."""

from __future__ import annotations

import ast
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.sources import ROOT
from tests.support.terminal import Terminal

PATTERNS = ROOT / "examples" / "patterns"

# What is fixed, so that one trial is a good one, and what it must come to.
CASES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "encoder_decoder": ("--argument count=1000 --argument epochs=1", lambda share: 0 <= share <= 1),
    "gradient_tape": ("--set units=64 --set learning_rate=0.005", lambda loss: loss < 0.3),
    "graph_network": ("--set learning_rate=0.02 --set neighbours=6", lambda right: right > 0.9),
    "kfold_pca": ("--set learning_rate=0.01", lambda area: area > 0.97),
    "sharpe_walk_forward": ("--set learning_rate=0.001", lambda ratio: -3 < ratio < 3),
    "two_phases": ("--set head_rate=0.05 --set fine_rate=0.005", lambda loss: loss < 1.2),
    "two_streams": ("--set epochs=5 --set optimizer=adam", lambda loss: loss < 2.5),
    "unet": ("--set learning_rate=0.01 --argument epochs=2", lambda overlap: overlap > 0.6),
    "windowed_lstm": ("--set learning_rate=0.01 --argument epochs=5", lambda area: area > 0.6),
}


def test_every_pattern_is_launched():
    """None is left out."""
    assert {path.stem for path in PATTERNS.glob("*.py")} == {*CASES, "nested_mlflow"}


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_pattern(name: str, tmp_path: Path):
    """One trial by the command in the file's own first lines is complete, and good."""
    options, is_good = CASES[name]
    tuner, command = Terminal(tmp_path), _command(PATTERNS / f"{name}.py")
    ended = tuner(*command, *f"--study s --workers 1 --trials 1 {options}".split())
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert is_good(tuner.json("best", "s")["value"]), ended.stdout


@pytest.mark.keras
@pytest.mark.slow
def test_nested_mlflow(tmp_path: Path):
    """A trial is one run of MLflow with a nested one for each fold, all of them finished."""
    tuner = Terminal(tmp_path, environment={"MLFLOW_TRACKING_URI": "sqlite:///runs.db"})
    ended = tuner(*_command(PATTERNS / "nested_mlflow.py"), "--trials", "2", "--workers", "1")
    assert ended.returncode == 0, ended.stderr
    assert _runs(tmp_path / "runs.db") == {"trial 0": 3, "trial 1": 3}


def _command(path: Path) -> list[str]:
    """The words of the command in a file's docstring, which names the file in its folder."""
    text: Any = ast.get_docstring(ast.parse(path.read_text()))
    lines = text.replace("\\\n", " ").splitlines()
    line = next(line for line in lines if line.strip().startswith("tuner launch"))
    return [word.replace(path.name, str(path)) for word in line.split()[1:]]


def _runs(database: Path) -> dict[str, int]:
    """The finished runs of MLflow that are trials, with how many runs are nested in each."""
    with sqlite3.connect(database) as c:
        rows = c.execute(
            "SELECT parents.name, count(*) FROM tags JOIN runs AS parents ON tags.value = "
            "parents.run_uuid JOIN runs USING (run_uuid) WHERE tags.key = 'mlflow.parentRunId' "
            "AND runs.status = 'FINISHED' AND parents.status = 'FINISHED' GROUP BY parents.name"
        )
        return dict(rows.fetchall())
