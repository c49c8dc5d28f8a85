"""Sources are found by their text, and nothing heavy is imported before rows are read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.catalogue import LOADERS, find_loader
from tuner.errors import UserError, did_you_mean, one_line


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("digits", "bundled"),
        ("a/b.npz", "npz"),
        ("b.csv", "table"),
        ("b.parquet", "table"),
        ("b.tfrecord", "tfrecord"),
        ("c.py:rows", "function"),
    ],
)
def test_a_source_has_one_loader(source, module):
    assert find_loader(source).__name__ == f"tuner.datasets.sources.{module}"
    assert sum(loader.accepts(source) for loader in LOADERS) == 1


@pytest.mark.parametrize("source", ["digit", "table.xlsx"])
def test_an_unknown_source_lists_what_is_known(source):
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=source))
    assert "digits, breast-cancer, wine, iris, diabetes" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_shows_close_ones():
    with pytest.raises(DataError, match="Did you mean 'digits'"):
        load(DataSpec(source="digit"))


LISTING = """
import sys
from tuner.datasets import describe, describe_all
describe("digits"), describe_all()
print(*sorted({"tensorflow", "keras", "sklearn", "pandas"} & set(sys.modules)))
"""

LOADING = """
import sys
from tuner.datasets import DataSpec, load
load(DataSpec(source="iris"))
print(*sorted({"tensorflow", "keras"} & set(sys.modules)))
"""


@pytest.mark.parametrize("code", [LISTING, LOADING], ids=["listing", "loading"])
def test_heavy_packages_are_not_imported(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="."
    )
    assert done.stdout.strip() == ""


def test_a_data_error_is_the_users_mistake():
    assert issubclass(DataError, UserError)


def test_words_of_messages():
    assert one_line(ValueError("first \nsecond")) == "ValueError: first"
    assert one_line(KeyError()) == "KeyError"
    assert did_you_mean("xyz", ["digits"]) == ""
