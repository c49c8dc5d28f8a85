"""Spaces by name: ours, importable ones, and files of the user's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from search_spaces import Inputs, Outputs, SpaceError, catalog, sources
from search_spaces.functions import FunctionSpace
from search_spaces.mlp import MLP

NET = """
from search_spaces import Int, SearchSpace
from dataclasses import dataclass

@dataclass
class Note:
    text: str

class Net(SearchSpace):
    units = Int(1, 8)

    def build(self, hyperparameters, inputs, outputs):
        return {returned}

class Unbuilt(SearchSpace):
    units = Int(1, 8)

class Wrong(Net):
    rate = Int(1, 8, when={{"unitz": 3}})

def build(trial, inputs, outputs):
    return None

number = 3
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with spaces of the user's; what loading it does to the path is undone."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "net.py"
    path.write_text(NET.format(returned=None))
    return path


def test_our_families_are_listed_with_a_line_and_a_file() -> None:
    families = {family.name: family for family in catalog.describe_families()}
    assert families.keys() == catalog.FAMILIES.keys()
    assert families["mlp"].summary.startswith("Multilayer perceptron")
    assert families["mlp"].file == "search_spaces/mlp.py"


def test_a_family_is_loaded_by_name_with_overrides() -> None:
    space = catalog.load("mlp", ["layers=1"])
    assert isinstance(space, MLP)
    assert space.parameters["layers"].text == "1"
    assert space.source is None


def test_a_class_is_loaded_from_a_file(net: Path) -> None:
    space = catalog.load(f"{net}:Net", ["units=3"])
    assert space.name == "net"
    assert space.parameters["units"].text == "3"
    assert space.source is not None


def test_a_function_is_loaded_from_a_file(net: Path) -> None:
    space = catalog.load(f"{net}:build")
    assert isinstance(space, FunctionSpace)
    assert space.name == "net-build"


def test_a_changed_file_is_another_space(net: Path) -> None:
    before = catalog.load(f"{net}:Net").fingerprint()
    assert catalog.load(f"{net}:Net").fingerprint() == before
    net.write_text(NET.format(returned="None or None"))
    assert catalog.load(f"{net}:Net").fingerprint() != before


def test_a_file_runs_as_it_is_now_and_leaves_nothing_behind(net: Path) -> None:
    net.write_text(NET.format(returned="1"))
    first = catalog.load(f"{net}:Net")
    net.write_text(NET.format(returned="2"))  # same size, same second: bytecode would be stale
    second = catalog.load(f"{net}:Net")
    shapes = Inputs(shape=(1,)), Outputs.for_task("binary")
    assert (first.build({}, *shapes), second.build({}, *shapes)) == (1, 2)
    assert [path.name for path in net.parent.iterdir()] == ["net.py"]


def test_two_files_of_one_name_are_two_modules(net: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "net.py"
    other.parent.mkdir()
    other.write_text(NET.format(returned="2"))
    classes = [type(catalog.load(f"{path}:Net")) for path in (net, other)]
    assert classes[0].__module__ != classes[1].__module__


def test_a_file_imports_its_neighbours_but_hides_nothing_of_ours(net: Path) -> None:
    (net.parent / "neighbour_of_net.py").write_text("WIDTH = 5")
    (net.parent / "search_spaces.py").write_text("raise RuntimeError")
    net.write_text("import neighbour_of_net, search_spaces\n" + NET.format(returned=None))
    before = list(sys.path)
    catalog.load(f"{net}:Net")
    assert sys.path[: len(before)] == before
    assert sys.path[-1] == str(net.parent)


def test_a_class_is_imported_from_the_current_folder(
    net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net.rename(net.with_name("importable_net.py"))
    monkeypatch.chdir(net.parent)
    space = catalog.load("importable_net:Net")
    path = net.with_name("importable_net.py")
    assert space.source == catalog.load(f"{path}:Net").source


def test_the_source_of_a_class_is_the_file_that_defines_it(net: Path) -> None:
    defining = net.rename(net.with_name("defining_net.py"))
    net.write_text("from defining_net import Net")
    assert catalog.load(f"{net}:Net").source == catalog.load(f"{defining}:Net").source


def test_a_path_is_made_absolute(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(net.parent)
    assert sources.file_of("net.py:Net") == net.resolve()
    assert sources.absolute("net.py:Net") == f"{net.resolve()}:Net"
    for name in ("mlp", "package.module:Class"):
        assert sources.file_of(name) is None
        assert sources.absolute(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mpl", r"Expected a space: mlp, .*module:Class.*Received: 'mpl'. Did you mean mlp\?"),
        ("net.py", r"Expected a space: .*file.py:Class.*Received: 'net.py'"),
        ("net.py:", r"Expected a space: .*Received: 'net.py:'"),
        ("absent.py:Net", r"Expected a readable Python file. Received: /.*/absent.py \(No such"),
        ("absent:Net", r"Expected a module that is installed or in /.*. Received: 'absent'"),
        ("absent.nets:Net", r"Expected a module that is installed.*Received: 'absent.nets'"),
        ("net.py:Nett", r"Expected 'Nett' in /.*/net.py.*Did you mean Net"),
        ("net.py:number", r"Expected net.py:number to be a subclass of .*SearchSpace.*Received: 3"),
        ("net.py:Note", r"Expected net.py:Note to be a subclass of .*Received: <class .*Note'>"),
        ("net.py:Unbuilt", r"Expected net.py:Unbuilt to have build\(hyperparameters, inputs"),
        ("net.py:Wrong", r"Expected 'rate' to depend on.*'unitz'. Did you mean units"),
    ],
)
def test_a_name_that_is_no_space_is_refused_in_one_line(
    net: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(net.parent)
    with pytest.raises(SpaceError, match=message) as refusal:
        catalog.load(name)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\nx.units\n", r"raised AttributeError: 'int' object .* \(/.*/net.py:2\)"),
        ("import absent_module\n", r"raised ModuleNotFoundError: .*absent_module' .*/net.py:1\)"),
        ("def build(:\n", r"raised SyntaxError: .*/net.py:1\)"),
        ("\nraise ValueError('two\\nlines')\n", r"raised ValueError: two lines \(/.*/net.py:2\)"),
        ("import sys\nsys.exit(3)\n", r"raised SystemExit: 3 \(/.*/net.py:2\)"),
        (
            "from search_spaces import Int\nInt(3, 1)\n",
            r"Expected the lower end first. Received: 3..1. \(/.*/net.py:2\)",
        ),
        ("import json\njson.loads('{')\n", r"raised JSONDecodeError: .*/net.py:2\)"),
    ],
)
def test_a_file_that_raises_is_shown_with_its_line(net: Path, code: str, message: str) -> None:
    net.write_text(code)
    with pytest.raises(SpaceError, match=message):
        catalog.load(f"{net}:Net")


def test_a_build_that_returns_no_model_is_refused(net: Path, fake_keras: object) -> None:
    message = re.escape("Expected build() of net to return a keras.Model. Received: None.")
    with pytest.raises(SpaceError, match=message):
        catalog.load(f"{net}:Net").rehearse(Inputs(shape=(1,)), Outputs.for_task("binary"))


def test_a_build_that_raises_is_shown_with_its_line(net: Path, fake_keras: object) -> None:
    net.write_text(NET.format(returned="hyperparameters['width']"))
    line = NET.partition("{returned}")[0].count("\n") + 1
    message = rf"build\(\) of net raised KeyError: 'width' \(.*/net.py:{line}\)"
    with pytest.raises(SpaceError, match=message):
        catalog.load(f"{net}:Net").rehearse(Inputs(shape=(1,)), Outputs.for_task("binary"))


def test_looking_at_spaces_never_imports_keras() -> None:
    """Commands that only read start at once; Keras and TensorFlow take seconds."""
    code = (
        "import sys; from search_spaces import catalog; catalog.describe_families();"
        "space = catalog.load('mlp', ['units=32']); space.describe(); space.fingerprint();"
        "space.starting_points(); print({'keras', 'tensorflow', 'optuna'} & sys.modules.keys())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
