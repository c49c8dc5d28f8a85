"""Spaces by name: ours, importable ones, and files of the user's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from search_spaces import Inputs, Int, Outputs, SpaceError, catalog
from search_spaces.define_by_run import FunctionSpace
from search_spaces.families.mlp import MLP
from search_spaces.registry import Registry
from search_spaces.user_code import source_files

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
    """All that the catalog can load."""
    families = {family.name: family for family in catalog.describe_families()}
    assert families.keys() == catalog.FAMILIES.keys()
    assert families["mlp"].summary.startswith("Multilayer perceptron")
    assert families["mlp"].file == "search_spaces/families/mlp.py"


def test_broken_families_of_packages_hide_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is listed with what is wrong: its module is missing, or it is no class."""
    about = tmp_path / "outside-2.5.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 2.5\n")
    (about / "entry_points.txt").write_text(
        "[tuner.families]\nlacking = outside_lacking:NET\nword = outside_word:NET\n"
    )
    (tmp_path / "outside_word.py").write_text("NET = 'seven'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry("tuner.families", {"mlp": "search_spaces.families.mlp:MLP"})
    monkeypatch.setattr(catalog, "FAMILIES", registry)
    mlp, lacking, word = catalog.describe_families()
    assert (mlp.problem, lacking.summary, word.summary) == (None, "", "")
    assert "package outside 2.5 to offer 'lacking'" in (lacking.problem or "")
    assert "word of outside 2.5 to be a subclass" in (word.problem or "")
    with pytest.raises(SpaceError, match=r"word of outside 2\.5 to be a subclass"):
        catalog.load("word")


def test_a_family_is_loaded_by_name_with_overrides() -> None:
    """It has no source of a user's."""
    space = catalog.load("mlp", ["layers=1"])
    assert isinstance(space, MLP)
    assert space.parameters["layers"].text == "1"
    assert space.source is None


def test_a_class_is_loaded_from_a_file(net: Path) -> None:
    """With overrides, and the fingerprint of the file."""
    space = catalog.load(f"{net}:Net", ["units=3"])
    assert space.name == "net"
    assert space.parameters["units"].text == "3"
    assert space.source is not None


def test_a_function_is_loaded_from_a_file(net: Path) -> None:
    """It becomes a space named after file and function."""
    space = catalog.load(f"{net}:build")
    assert isinstance(space, FunctionSpace)
    assert space.name == "net-build"


def test_a_changed_file_is_another_space(net: Path) -> None:
    """An unchanged one is the same."""
    before = catalog.load(f"{net}:Net").fingerprint()
    assert catalog.load(f"{net}:Net").fingerprint() == before
    net.write_text(NET.format(returned="None or None"))
    assert catalog.load(f"{net}:Net").fingerprint() != before


def test_a_file_runs_as_it_is_now_and_leaves_nothing_behind(net: Path) -> None:
    """No stale bytecode is used, and none is written."""
    net.write_text(NET.format(returned="1"))
    first = catalog.load(f"{net}:Net")
    net.write_text(NET.format(returned="2"))  # same size, same second: bytecode would be stale
    second = catalog.load(f"{net}:Net")
    shapes = Inputs(shape=(1,)), Outputs.for_task("binary")
    assert (first.build({}, *shapes), second.build({}, *shapes)) == (1, 2)
    assert [path.name for path in net.parent.iterdir()] == ["net.py"]


def test_two_files_of_one_name_are_two_modules(net: Path, tmp_path: Path) -> None:
    """Neither replaces the other."""
    other = tmp_path / "other" / "net.py"
    other.parent.mkdir()
    other.write_text(NET.format(returned="2"))
    classes = [type(catalog.load(f"{path}:Net")) for path in (net, other)]
    assert classes[0].__module__ != classes[1].__module__


def test_a_file_imports_its_neighbours_but_hides_nothing_of_ours(net: Path) -> None:
    """Its folder is searched last."""
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
    """By module, it is the same space as by its file."""
    net.rename(net.with_name("importable_net.py"))
    monkeypatch.chdir(net.parent)
    space = catalog.load("importable_net:Net")
    path = net.with_name("importable_net.py")
    assert space.source == catalog.load(f"{path}:Net").source


def test_the_source_of_a_class_is_the_file_that_defines_it(net: Path) -> None:
    """Not the one that imports it."""
    defining = net.rename(net.with_name("defining_net.py"))
    net.write_text("from defining_net import Net")
    assert catalog.load(f"{net}:Net").source == catalog.load(f"{defining}:Net").source


def test_a_path_is_made_absolute(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of families and modules stay as they are."""
    monkeypatch.chdir(net.parent)
    assert source_files.file_of("net.py:Net") == net.resolve()
    assert source_files.absolute_name("net.py:Net") == f"{net.resolve()}:Net"
    for name in ("mlp", "package.module:Class"):
        assert source_files.file_of(name) is None
        assert source_files.absolute_name(name) == name


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
    """Mistyped names, files without a class, things that are no space."""
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
    """The error of the user's code, with file and line."""
    net.write_text(code)
    with pytest.raises(SpaceError, match=message):
        catalog.load(f"{net}:Net")


def test_a_build_that_returns_no_model_is_refused(net: Path, fake_keras: object) -> None:
    """What it returned is shown."""
    message = re.escape("Expected build() of net to return a keras.Model. Received: None.")
    with pytest.raises(SpaceError, match=message):
        catalog.load(f"{net}:Net").build_default(Inputs(shape=(1,)), Outputs.for_task("binary"))


def test_a_build_that_raises_is_shown_with_its_line(net: Path, fake_keras: object) -> None:
    """The error of the user's code, with file and line."""
    net.write_text(NET.format(returned="hyperparameters['width']"))
    line = NET.partition("{returned}")[0].count("\n") + 1
    message = rf"build\(\) of net raised KeyError: 'width' \(.*/net.py:{line}\)"
    with pytest.raises(SpaceError, match=message):
        catalog.load(f"{net}:Net").build_default(Inputs(shape=(1,)), Outputs.for_task("binary"))


def test_looking_at_spaces_never_imports_keras() -> None:
    """Commands that only read start at once; Keras and TensorFlow take seconds."""
    code = (
        "import sys; from search_spaces import catalog; catalog.describe_families();"
        "space = catalog.load('mlp', ['units=32']); space.describe(); space.fingerprint();"
        "space.starting_points(); print({'keras', 'tensorflow', 'optuna'} & sys.modules.keys())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


def test_a_script_with_options_gets_its_defaults(tmp_path: Path) -> None:
    """Of the command line that loads it, it sees nothing; that line is there again afterwards."""
    (tmp_path / "script.py").write_text(
        "import argparse, sys\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--epochs', type=int, default=3)\n"
        "epochs, argv = parser.parse_args().epochs, sys.argv\n"
        "def build(trial, inputs, outputs): ...\n"
    )
    before = sys.argv
    source = source_files.load_file(tmp_path / "script.py")
    assert (source.module.epochs, source.module.argv) == (3, [str(tmp_path / "script.py")])
    assert sys.argv is before


def test_parameters_of_the_data_are_searched_beside_those_of_the_space():
    """An override narrows them; they are in the definition, the starting points and the grid."""
    of_data = {"window": Int(12, 72, default=24)}
    space = catalog.load("mlp", ["window=12..36", "layers=1"], data_parameters=of_data)
    assert space.parameters["window"].text == "12..36"
    assert {point["window"] for point in space.starting_points()} == {24}
    assert space.fingerprint() != catalog.load("mlp", ["layers=1"]).fingerprint()
    assert space.encode({"window": 30}) == {"window": 30}


def test_a_parameter_of_the_data_with_a_name_of_the_space():
    """Also one of those that there is one of for each layer."""
    for name in ("units", "epochs", "units_0"):
        with pytest.raises(SpaceError, match=f"^Expected other names .* {name}: rename"):
            catalog.load("mlp", data_parameters={name: Int(1, 2)})


def test_a_parameter_of_the_data_has_one_value():
    """A function has no argument for each layer."""
    of_data = {"count": Int(1, 3), "window": Int(1, 9, per="count")}
    with pytest.raises(SpaceError, match="single value for each argument"):
        catalog.load("mlp", data_parameters=of_data)
