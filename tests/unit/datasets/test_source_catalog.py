"""Sources are found by their text, and nothing heavy is imported before rows are read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.sources.source_catalog import SOURCES, find_source
from tuner.errors import UserError, did_you_mean, one_line


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("digits", "bundled"),
        ("a/b.npz", "npz"),
        ("b.csv", "table"),
        ("b.parquet", "table"),
        ("b.tfrecord", "tfrecord"),
        ("c.py:rows", "user_function"),
    ],
)
def test_a_source_is_of_one_kind(source, module):
    """What a source is follows from its name alone, and no two kinds want the same."""
    assert find_source(source).read.__module__ == f"tuner.datasets.sources.{module}"
    assert sum(one.accepts(source) for one in SOURCES.values()) == 1


@pytest.mark.parametrize("source", ["digit", "table.sav"])
def test_an_unknown_source_lists_what_is_known(source):
    """On one line."""
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=source))
    assert "digits, breast-cancer, wine, iris, diabetes" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_shows_close_ones():
    """A slip of the finger gets the name that was meant."""
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
    """The list of data sets needs no pandas, and neither it nor a bundled set needs TensorFlow."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="."
    )
    assert done.stdout.strip() == ""


def test_a_data_error_is_the_users_mistake():
    """The command line shows it as one line and exits with 2."""
    assert issubclass(DataError, UserError)


def test_words_of_messages():
    """An error is told by its class and first line; what is close to nothing suggests nothing."""
    assert one_line(ValueError("first \nsecond")) == "ValueError: first"
    assert one_line(KeyError()) == "KeyError"
    assert did_you_mean("xyz", ["digits"]) == ""
