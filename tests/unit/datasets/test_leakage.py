"""Columns that tell the target by themselves, or nothing, are named with what leaves them out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from tuner.datasets import DataSpec, load
from tuner.datasets.columns.leakage import find_constants, find_leaks

ROWS = 300
RNG = np.random.default_rng(0)
CLASSES = pd.Series(np.where(RNG.random(ROWS) < 0.3, "yes", "no"))
NUMBERS = pd.Series(RNG.normal(size=ROWS))


@pytest.mark.parametrize(
    ("column", "target", "leaks"),
    [
        (CLASSES.map({"yes": "Y", "no": "N"}), CLASSES, True),
        (CLASSES.map({"yes": 1.0, "no": np.nan}), CLASSES, True),
        (np.exp(NUMBERS) * 3, NUMBERS, True),
        (-NUMBERS, NUMBERS, True),
        (CLASSES.mask(RNG.random(ROWS) < 0.2, "no"), CLASSES, False),
        (NUMBERS + RNG.normal(size=ROWS) / 5, NUMBERS, False),
        (pd.Series(RNG.normal(size=ROWS)), CLASSES, False),
        (pd.Series([f"N{i}" for i in range(ROWS)]), CLASSES, False),
    ],
    ids=["renamed", "missing", "bent", "turned", "weaker", "noise", "chance", "names"],
)
def test_a_column_leaks_if_it_alone_is_enough(column: pd.Series, target: pd.Series, leaks: bool):
    """Copies under other names do; what is only good, or differs in every row, does not."""
    assert find_leaks(pd.DataFrame({"a": column}), target) == (["a"] if leaks else [])


@pytest.mark.parametrize("made", [load_breast_cancer, load_wine, load_diabetes])
def test_good_features_of_real_data_are_no_leaks(made):
    """Whatever correlates well."""
    bunch = made(as_frame=True)
    assert find_leaks(bunch.data, bunch.target) == []


def test_constants_are_found():
    """Of numbers and of text; a missing value beside one value tells something."""
    frame = pd.DataFrame({"a": [1, 1, 1], "b": ["x"] * 3, "c": [1, np.nan, 1], "d": [1, 2, 1]})
    assert find_constants(frame) == ["a", "b"]


def test_the_launch_is_told(tmp_path: Path):
    """Each note names the columns and the option."""
    frame = pd.DataFrame({"x": NUMBERS, "copy": CLASSES.eq("yes"), "flat": 7, "y": CLASSES})
    frame.to_csv(tmp_path / "a.csv", index=False)
    notes = load(DataSpec(source=str(tmp_path / "a.csv"), target="y")).notes
    assert any("'y' follows from 'copy' alone" in n and n.endswith("--drop copy") for n in notes)
    assert any("tells nothing: 'flat'" in n and n.endswith("--drop flat") for n in notes)
