"""The packages stand as the floor plan says, and what only reads starts at once."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sources import PACKAGES, ROOT, imported, imported_on_import, modules

SLOW_IMPORTS = {"tensorflow", "keras"}  # seconds each
TRAINING = ROOT / "tuner" / "training"
LATE = (  # modules that are imported by functions alone
    TRAINING,
    ROOT / "tuner" / "keras",
    ROOT / "tuner" / "resources" / "tensorflow_device.py",
    *(ROOT / "search_spaces" / "families").glob("*_model.py"),
    *(ROOT / "tuner" / "metrics").glob("*_metric.py"),
)
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
# Runs each command in a fork of this process, and writes down what it had imported.
FORK_EACH = """
import json, os, sys
from tuner.cli import main

ends = {}
for words in json.loads(sys.argv[1]):
    told, tell = os.pipe()
    if os.fork() == 0:
        try:
            main(words, prog_name="tuner")
        finally:
            with os.fdopen(tell, "w") as out:
                json.dump(sorted({name.partition(".")[0] for name in sys.modules}), out)
            os._exit(0)
    os.close(tell)
    with os.fdopen(told) as answer:
        ends[" ".join(words)] = json.load(answer)
    os.wait()
with open("ends.json", "w") as out:
    json.dump(ends, out)
"""
# Words that said nothing to a stranger: the glossary of CONTRIBUTING.md has the right ones.
RETIRED = {
    "afterwork", "blame", "chooser", "courier", "crew", "desk", "foresight", "genuine", "goal",
    "ledger", "portrait", "realise", "rehearsal", "rehearse", "silence", "standby", "transcript",
    "warden", "weighing", "workbench",
}  # fmt: skip
# Locals that do not say what they hold, and the rooms that are free of them.
VAGUE = {"asked", "each", "found", "given", "held", "kept", "known", "made", "shown", "told", "way"}
PLAIN_ROOMS = ("storage", "tuner/cli", "tuner/dashboard", "tuner/monitoring", "tuner/workers")
SHARED_NAMES = {"__init__", "__main__", "errors"}  # what every package may have


@pytest.mark.parametrize(
    ("package", "strangers"),
    [("search_spaces", {"storage", "tuner"}), ("storage", {"search_spaces", "tuner"})],
)
def test_what_tuner_stands_on_knows_neither_tuner_nor_each_other(package: str, strangers: set[str]):
    """Dependence has one direction, also inside functions."""
    known = {path: imported(path) & strangers for path in modules(package)}
    assert known, f"{package} holds no module"
    assert not {str(path): names for path, names in known.items() if names}


def test_no_two_modules_have_one_name():
    """Who reads a name in a traceback knows the file."""
    counts = Counter(path.stem for path in source_files() if path.stem not in SHARED_NAMES)
    assert counts
    assert not [name for name, count in counts.items() if count > 1]


def test_no_module_is_named_like_one_of_python():
    """A `calendar` of ours would be taken for the one that everybody knows."""
    names = {path.stem for path in source_files()} - SHARED_NAMES
    assert not names & sys.stdlib_module_names


def test_retired_words_name_nothing():
    """No module or class has one among its words, and no function is called one."""
    wrong = [f"{path.name}: {name}" for path in source_files() for name in retired_names(path)]
    assert not wrong


def test_a_retired_word_is_noticed(tmp_path: Path):
    """The check itself can fail."""
    path = tmp_path / "goal_units.py"
    path.write_text("class CrewPlan:\n    def blame(self): ...\n    def scale_goal(self): ...\n")
    assert list(retired_names(path)) == ["goal_units", "CrewPlan", "blame"]


@pytest.mark.parametrize("room", PLAIN_ROOMS)
def test_locals_say_what_they_hold(room: str):
    """Variables and arguments have nouns of their content for names."""
    assert not [f"{path.name}: {name}" for path in modules(room) for name in vague_locals(path)]


def test_a_vague_local_is_noticed(tmp_path: Path):
    """As an argument, in an assignment and in a loop; what is only read is somebody else's."""
    path = tmp_path / "search.py"
    path.write_text(
        "def look(known):\n    found = [told for told in known]\n    return other.made\n"
    )
    assert sorted(vague_locals(path)) == ["found", "known", "told"]


def vague_locals(path: Path) -> Iterator[str]:
    """The names of variables and arguments of a file that say nothing about their content."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in VAGUE:
            yield node.id
        elif isinstance(node, ast.arg) and node.arg in VAGUE:
            yield node.arg


def source_files() -> list[Path]:
    """The modules of all packages, and the packages themselves; not the numbered migrations."""
    return [
        path for package in PACKAGES for path in modules(package) if path.parent.name != "versions"
    ]


def retired_names(path: Path) -> Iterator[str]:
    """The names of a file that a retired word is, or is in."""
    if RETIRED & set(path.stem.split("_")):
        yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            words = {word.lower() for word in re.findall("[A-Z][a-z]*", node.name)}
        elif isinstance(node, ast.FunctionDef):
            words = {node.name.strip("_")}
        else:
            continue
        if RETIRED & words:
            yield node.name


def test_storage_knows_nothing_of_keras():
    """Not even inside a function."""
    assert not [path for path in modules("storage") if imported(path) & SLOW_IMPORTS]


def test_keras_is_imported_late():
    """Outside the code that trains, TensorFlow and Keras are imported inside functions only."""
    others = [path for package in PACKAGES for path in modules(package)]
    early = [
        path
        for path in others
        if not any(path.is_relative_to(room) for room in LATE)
        and imported_on_import(path) & SLOW_IMPORTS
    ]
    assert not early


@pytest.fixture(scope="module")
def imported_by_commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The top-level packages that each command has imported in the end, by its words.

    A process is forked for each from one that has imported what all of them do.
    """
    folder = tmp_path_factory.mktemp("commands")
    environment = os.environ | {"TUNER_STORAGE": f"sqlite:///{(folder / 'tuner.db').as_posix()}"}
    answer = subprocess.run(
        [sys.executable, "-P", "-c", FORK_EACH, json.dumps(READING_COMMANDS)],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in answer.stderr
    ends: dict[str, list[str]] = json.loads((folder / "ends.json").read_text())
    return ends


@pytest.mark.parametrize("arguments", READING_COMMANDS, ids=" ".join)
def test_reading_commands_never_import_tensorflow(
    imported_by_commands: dict[str, list[str]], arguments: list[str]
):
    """Python itself lists what a command has imported."""
    loaded = set(imported_by_commands[" ".join(arguments)])
    assert "click" in loaded
    assert not loaded & SLOW_IMPORTS
