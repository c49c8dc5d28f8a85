"""The packages stand as the floor plan says, and what only reads starts at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import PACKAGES, ROOT, imported, imported_on_import, modules

SLOW_IMPORTS = {"tensorflow", "keras"}  # seconds each
TRAINING = ROOT / "tuner" / "training"
LEARNERS = ROOT / "search_spaces" / "learners"
READING_COMMANDS = [
    ["--help"],
    ["launch", "--help"],
    ["worker", "--help"],
    ["dashboard", "--help"],
    ["spaces"],
    ["spaces", "mlp"],
    ["datasets"],
    ["list"],
    ["status", "nowhere"],
    ["trials", "nowhere"],
    ["best", "nowhere"],
    ["report", "nowhere"],
    ["compare", "nowhere", "elsewhere"],
]


@pytest.mark.parametrize(
    ("package", "strangers"),
    [("search_spaces", {"storage", "tuner"}), ("storage", {"search_spaces", "tuner"})],
)
def test_what_tuner_stands_on_knows_neither_tuner_nor_each_other(package: str, strangers: set[str]):
    """Dependence has one direction, also inside functions."""
    known = {path: imported(path) & strangers for path in modules(package)}
    assert known, f"{package} holds no module"
    assert not {str(path): names for path, names in known.items() if names}


def test_storage_knows_nothing_of_keras():
    """Not even inside a function."""
    assert not [path for path in modules("storage") if imported(path) & SLOW_IMPORTS]


def test_keras_is_imported_late():
    """Outside the code that trains, TensorFlow and Keras are imported inside functions only."""
    others = [path for package in PACKAGES for path in modules(package)]
    early = [
        path
        for path in others
        if not any(path.is_relative_to(room) for room in (TRAINING, LEARNERS))
        and imported_on_import(path) & SLOW_IMPORTS
    ]
    assert not early


@pytest.mark.parametrize("arguments", READING_COMMANDS, ids=" ".join)
def test_reading_commands_never_import_tensorflow(arguments: list[str], tmp_path: Path):
    """Python itself lists what a command imports."""
    environment = os.environ | {"TUNER_STORAGE": f"sqlite:///{(tmp_path / 'tuner.db').as_posix()}"}
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-P", "-m", "tuner", *arguments],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    loaded = loaded_packages(answer.stderr)
    assert "Traceback" not in answer.stderr
    assert "click" in loaded, answer.stderr[-500:]
    assert not loaded & SLOW_IMPORTS


def loaded_packages(trace: str) -> set[str]:
    """The top-level packages in the trace of `-X importtime`."""
    lines = [line for line in trace.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
