"""A portrait counts what is in a source: held against scikit-learn's and pandas's own counts."""

from __future__ import annotations

import os
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits, load_wine

from tests.support import warm
from tests.support.sources import ROOT
from tuner.cli import main
from tuner.datasets import DataError, DataSpec
from tuner.datasets.dataset_profile import MOST_VALUES, profile_dataset

# Describes a set where there is no network, which root alone may ask the kernel for.
UNCONNECTED = """
import ctypes, sys
from tuner.cli import main

if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
    sys.exit(f"unshare: error {ctypes.get_errno()}")
main(["datasets", "boston-housing"])
"""


def table(path) -> pd.DataFrame:
    """Wines with a category made of a measure, a flag, and gaps."""
    wine = load_wine(as_frame=True)
    frame = wine.data[["alcohol", "proline"]].copy()
    frame["strong"] = frame["alcohol"] > 13
    frame["hue"] = np.where(wine.data["hue"] > 1, "red", "brown")
    frame["grower"] = wine.target.map({0: "a", 1: "b", 2: "c"})
    frame.loc[[3, 5], "hue"] = None
    frame.loc[[7], "proline"] = None
    frame.to_csv(path, index=False)
    return frame


def test_columns_have_kinds_ranges_and_gaps(tmp_path):
    """As pandas counts them; classes are counted and the first rows shown."""
    frame = table(tmp_path / "wine.csv")
    found = profile_dataset(
        DataSpec(source=str(tmp_path / "wine.csv"), target="grower", impute=True)
    )
    columns = {column.name: column for column in found.columns}
    assert {name: column.kind for name, column in columns.items()} == {
        "alcohol": "number",
        "proline": "number",
        "strong": "flag",
        "hue": "category",
    }
    for name, column in columns.items():
        assert column.missing == frame[name].isna().sum()
        assert column.distinct == frame[name].nunique()
    assert (columns["proline"].low, columns["proline"].high) == (
        frame["proline"].min(),
        frame["proline"].max(),
    )
    assert columns["hue"].low == frame["hue"].mode()[0]
    assert found.counts == frame["grower"].value_counts().to_dict()
    assert [row["grower"] for row in found.sample] == frame["grower"].head(5).tolist()


def test_columns_without_names_are_numbered(tmp_path):
    """As x[0], x[1]."""
    np.savez(tmp_path / "a.npz", x=np.arange(40.0).reshape(20, 2), y=[0, 1] * 10)
    found = profile_dataset(DataSpec(source=str(tmp_path / "a.npz")))
    assert [column.name for column in found.columns] == ["x[0]", "x[1]"]


def test_pictures_have_no_columns(tmp_path):
    """Nor have rows of very many numbers; their classes are counted."""
    digits = load_digits()
    np.savez(tmp_path / "a.npz", x=digits.images, y=digits.target)
    np.savez(tmp_path / "b.npz", x=digits.images.reshape(-1, 64), y=digits.target)
    assert digits.data.shape[1] > MOST_VALUES
    for name in ("a.npz", "b.npz"):
        found = profile_dataset(DataSpec(source=str(tmp_path / name)))
        assert (found.columns, found.sample) == ((), ())
        assert sum(found.counts.values()) == len(digits.target)


def test_a_regression_has_a_range_and_no_classes():
    """The least and the largest target of the diabetes set."""
    found = profile_dataset(DataSpec(source="diabetes"))
    assert (found.counts, found.targets["least"], found.targets["largest"]) == (None, 25.0, 346.0)


def test_parts_that_a_source_brings_are_counted(tmp_path):
    """And their classes together."""
    x, y = np.arange(40.0).reshape(20, 2), np.array([0, 1] * 10)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])
    found = profile_dataset(DataSpec(source=str(tmp_path / "a.npz")))
    assert found.parts == {"train": 20, "test": 4}
    assert found.counts == {"0": 12, "1": 12}


def test_what_cannot_be_read_is_told(tmp_path):
    """As when it is loaded."""
    with pytest.raises(DataError, match="digits"):
        profile_dataset(DataSpec(source="digist"))


def test_it_fits_into_80_columns(tmp_path, monkeypatch):
    """With counts, shares and the first rows."""
    table(tmp_path / "wine.csv")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    typed = ["datasets", "wine.csv", "--target", "grower", "--impute"]
    lines = CliRunner().invoke(main, typed).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    shown = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert shown["b"] == ["71", "39.9%"]
    assert shown["hue"][:3] == ["category", "2", "2"]


@pytest.mark.keras
def test_a_set_that_cannot_be_loaded_is_described_nevertheless(tmp_path):
    """Keras's sets are nowhere to be had where a cache is empty and there is no network."""
    environment = {**os.environ, "KERAS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = warm.run([sys.executable, "-P", "-c", UNCONNECTED], env=environment, text=True)
    if "unshare" in done.stderr:
        pytest.skip("no namespace of its own for this process: run as root")
    assert done.returncode == 0
    assert "506 rows of shape 13, regression" in done.stdout
    assert "a network to download it" in done.stderr
