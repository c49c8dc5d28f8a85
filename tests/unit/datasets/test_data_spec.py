"""A spec refuses what cannot be meant, names its data, and survives being saved."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuner.datasets import DataError, DataSpec


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": ""}, "Expected a data set name or a path"),
        ({"task": "regresion"}, "Did you mean 'regression'?"),
        ({"scaling": "Standard"}, "Did you mean 'standard'?"),
        ({"validation": 0.0}, "Expected validation to be a fraction"),
        ({"test": 1.0}, "Expected test to be a fraction"),
        ({"validation": float("nan")}, "Expected validation to be a fraction"),
        ({"validation": 0.5, "test": 0.5}, "leave rows to train on"),
        ({"task": "binary", "learns": "rows"}, "no task with a space that learns the rows"),
        ({"seed": -1}, "Expected a data seed of 0 or more"),
    ],
)
def test_a_field_that_cannot_be_meant_is_refused(fields, message):
    """On one line, with a close value where there is one."""
    with pytest.raises(DataError) as caught:
        DataSpec(**{"source": "digits", **fields})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_saved_spec_comes_back_equal():
    """Through a dict, as studies keep it."""
    spec = DataSpec(source="house.csv", target="price", task="regression", seed=3)
    assert DataSpec.from_dict(spec.to_dict()) == spec


def test_a_field_of_another_version_is_named():
    """A definition from a newer program is not half understood."""
    with pytest.raises(DataError, match="Received: wings"):
        DataSpec.from_dict({"source": "digits", "wings": 5})


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("digits", "digits"),
        ("data/house.csv", "house"),
        ("images.npz", "images"),
        ("code/data.py:moons", "moons"),
    ],
)
def test_the_name_is_short(source, name):
    """The file's stem, or the function's name."""
    assert DataSpec(source=source).name == name


def test_paths_become_absolute_and_names_stay(tmp_path, monkeypatch):
    """A study is gone on with from any folder."""
    monkeypatch.chdir(tmp_path)
    resolved = DataSpec(source="code/data.py:moons", seed=5).resolve()
    assert resolved.source == os.path.join(os.getcwd(), "code", "data.py:moons")
    assert resolved.seed == 5
    assert DataSpec(source="digits").resolve().source == "digits"


def test_a_part_of_a_named_source_keeps_its_name():
    """Paths become absolute, as workers start elsewhere; a name of a package's source stays."""
    named = DataSpec(source="waves", validation_data="more-waves", test_data="rest.npz").resolve()
    assert (named.source, named.validation_data) == ("waves", "more-waves")
    assert named.test_data == str(Path("rest.npz").absolute())
    folder = DataSpec(source="a/", validation_data="b").resolve()
    assert folder.validation_data == str(Path("b").absolute())
