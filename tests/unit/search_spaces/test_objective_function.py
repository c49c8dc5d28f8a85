"""What a name in a file is: a space, a function that builds, or one that trains by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import SpaceError, catalog
from search_spaces.objective_function import (
    ObjectiveFunction,
    is_hypermodel_with_fit,
    is_objective_function,
)

CODE = """
import functools
from search_spaces import Int, SearchSpace
from beside import Elsewhere as elsewhere_too, elsewhere

def build(trial, inputs, outputs): ...
def builds_with_default(trial, inputs, outputs, extra=1): ...
def objective(trial): return 1
def with_data(trial, data): return 1
def with_default(trial, data=None): return 1
def with_numbers(trial, rows=4000, epochs=10): return rows * epochs
def keyword_only(trial, *, rows): return rows
def make(epochs, width=64):
    def objective(trial): return epochs * width
    return objective
class Objective:
    def __init__(self, epochs=2): self.epochs = epochs
    def __call__(self, trial): return self.epochs
class Space(SearchSpace):
    width = Int(1, 2)
    def build(self, hyperparameters, inputs, outputs): ...
def build_model(hp): ...
class HyperNet:
    def __init__(self, classes=10): self.classes = classes
    def build(self, hp): ...
class HyperFit(HyperNet):
    def fit(self, hp, model, *args, **kwargs): ...
class Inherits(HyperFit): ...
class Far(elsewhere_too): ...
class Called(Objective): ...
fitted = Inherits(3)
hyper = HyperNet(3)
made = Objective(7)
bound = made.__call__
small = lambda trial: 8
partly = functools.partial(with_data, data=3)
again = objective
"""
BESIDE = """
def elsewhere(trial): return 5
class Elsewhere:
    def build(self, hp): ...
    def fit(self, hp, model, *args, **kwargs): ...
"""
OBJECTIVES = ("objective", "with_data", "with_default", "with_numbers", "Objective", "made",
              "partly", "again", "elsewhere", "Called", "bound", "small")  # fmt: skip
HYPERMODELS_WITH_FIT = ("HyperFit", "Inherits", "Far", "fitted", "elsewhere_too")
SPACES = ("build", "builds_with_default", "Space", "build_model", "HyperNet", "hyper")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text(BESIDE)
    (tmp_path / "train.py").write_text(CODE)
    return tmp_path / "train.py"


@pytest.mark.parametrize("name", [*OBJECTIVES, *HYPERMODELS_WITH_FIT, *SPACES])
def test_reading_a_file_says_what_loading_it_says(file: Path, name: str):
    """Before anything is run it is known whether TensorFlow and data are needed."""
    loaded = catalog.load(f"{file}:{name}")
    assert isinstance(loaded, ObjectiveFunction) == (name not in SPACES)
    assert is_objective_function(f"{file}:{name}") == (name not in SPACES)
    assert is_hypermodel_with_fit(f"{file}:{name}") == (name in HYPERMODELS_WITH_FIT)


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("made", (), 7),
        ("Objective", (), 2),
        ("Objective", ("epochs=3",), 3),
        ("make", ("epochs=3",), 192),
        ("make", ("epochs=3", "width=2"), 6),
        ("elsewhere", (), 5),
        ("with_numbers", (), 40_000),
        ("with_numbers", ("epochs=3",), 12_000),
        ("keyword_only", ("rows=5",), 5),
        ("bound", (), 7),
        ("small", (), 8),
    ],
)
def test_what_is_called_for_a_trial(file: Path, name: str, arguments: tuple[str, ...], value: int):
    """Classes and functions of the arguments give the objective, which may have its own, too."""
    loaded = catalog.load(f"{file}:{name}", (), arguments)
    assert isinstance(loaded, ObjectiveFunction)
    assert loaded.function(None) == value


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("make", ("epoch=3",), "--argument NAME=VALUE for make(epochs, width=64)"),
        ("make", ("epochs",), "NAME=VALUE, each name once"),
        ("with_numbers", ("epoch=3",), "unexpected keyword argument 'epoch'"),
        ("keyword_only", (), "missing a required argument: 'rows'"),
        ("Objective", ("epochs=1", "epochs=2"), "NAME=VALUE, each name once"),
        ("objective", ("trial=3",), "a function (trial). Received: 1"),
    ],
)
def test_arguments_that_do_not_fit(file: Path, name: str, arguments: tuple[str, ...], words: str):
    """One line says what is expected."""
    with pytest.raises(SpaceError) as refused:
        catalog.load(f"{file}:{name}", (), arguments)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("name", "given", "fits"),
    [
        ("objective", False, True),
        ("objective", True, False),
        ("with_data", True, True),
        ("with_data", False, False),
        ("with_default", True, True),
        ("with_default", False, True),
        ("with_numbers", False, True),
        ("with_numbers", True, False),
    ],
)
def test_data_are_for_functions_that_take_them(file: Path, name: str, given: bool, fits: bool):
    """And are wanted by those that cannot do without."""
    loaded = catalog.load(f"{file}:{name}")
    assert isinstance(loaded, ObjectiveFunction)
    if fits:
        loaded.check_data(given=given)
    else:
        with pytest.raises(SpaceError, match="--data"):
            loaded.check_data(given=given)


def test_another_argument_is_another_study(file: Path):
    """A worker must not go on with other arguments or overrides."""
    name = f"{file}:make"
    loaded = [
        catalog.load(name, ("rate=1",), ("epochs=3",)),
        catalog.load(name, (), ("epochs=3",)),
        catalog.load(name, (), ("epochs=4",)),
    ]
    assert len({space.fingerprint() for space in loaded}) == 3
