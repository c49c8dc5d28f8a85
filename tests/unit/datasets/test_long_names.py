"""Names and labels of any length: what is said of them fits into a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.errors import SpaceError
from tuner.datasets import DataError, DataSpec, array_store, load, outline_data
from tuner.errors import LONGEST_LINE, UserError

LONG = "x" * 1_000_000
ROWS = 40
X = np.random.default_rng(0).normal(size=(ROWS, 2))
FLAGS = np.stack([np.arange(ROWS) % 2, np.arange(ROWS) // 2 % 2], axis=1)


def named(*labels: str) -> Any:
    """Targets of long labels, which NumPy would give as much room in every row."""
    return np.array([labels[row % len(labels)] for row in range(ROWS)], dtype=object)


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "one label": ((X, named(LONG)), {}),
    "labels": ((X, named(LONG, LONG + "y")), {}),
    "labels of numbers": ((X, named(LONG, "y")), {"task": "regression"}),
    "text": ((X, np.array([["a", "b"]] * ROWS)), {"task": "regression"}),
    "columns": ({"x": X, "y": np.arange(ROWS) % 2, "x_names": [LONG, "b", "c"]}, {}),
    "alike": ({"x": X, "y": np.arange(ROWS) % 2, "x_names": [LONG, LONG]}, {}),
    "targets": ({"x": X, "y": FLAGS, "y_names": [LONG, LONG]}, {"task": "labels"}),
    "constant": ({"x": X, "y": FLAGS * [1, 0], "y_names": ["a", LONG]}, {"task": "labels"}),
    "more targets": ({"x": X, "y": FLAGS, "y_names": [LONG, "b", "c"]}, {"task": "labels"}),
    "output": ((X, {LONG: np.ones(ROWS), "b": np.arange(ROWS) % 2}), {}),
    "outputs": ((X, {LONG + "/": np.ones(ROWS), "b": np.arange(ROWS)}), {}),
    "only output": ((X, {LONG: np.arange(ROWS) % 2}), {}),
    "input": (({LONG + "/": X, "b": X}, np.arange(ROWS) % 2), {}),
    "input of text": (({LONG: X.astype(str), "b": X}, np.arange(ROWS) % 2), {}),
    "inputs": (({LONG: X, "b": X[:3]}, np.arange(ROWS) % 2), {}),
    "task": ((X, np.arange(ROWS) % 2), {"task": LONG}),
    "task of output": ((X, np.arange(ROWS) % 2), {"task": f"{LONG}=binary"}),
    "scaling": ((X, np.arange(ROWS) % 2), {"scaling": LONG}),
    "weights": ((X, np.arange(ROWS) % 2), {"class_weights": f"{LONG}=1"}),
    "weight": ((X, np.arange(ROWS) % 2), {"class_weights": f"0={LONG}"}),
    "column option": ((X, np.arange(ROWS) % 2), {"target": LONG}),
    "group": ((X, np.arange(ROWS) % 2), {"group": LONG}),
    "dropped": ((X, np.arange(ROWS) % 2), {"drop": (LONG,)}),
    "other names": ({LONG: X, LONG + "y": X}, {}),
}


def returning(value: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A function that returns a value, as a source."""
    monkeypatch.setattr(pytest, "of_long_names", value, raising=False)
    (folder / "mine.py").write_text(
        "import pytest\n\ndef rows():\n    return pytest.of_long_names\n"
    )
    return f"{folder / 'mine.py'}:rows"


@pytest.mark.parametrize("case", CASES)
def test_an_error_of_data_fits_into_a_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where Python reads it, before a command has cut it."""
    value, fields = CASES[case]
    source = returning(value, tmp_path, monkeypatch)
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=source, **fields))
    line = str(caught.value)
    assert len(line) <= LONGEST_LINE
    assert "\n" not in line
    assert "Received" in line


def test_what_the_data_were_taken_for_fits_into_a_line(tmp_path: Path) -> None:
    """Names of inputs and outputs are shortened too."""
    name = "x" * 900
    y = {f"{name}{i}": np.arange(ROWS) % 2 for i in range(3)}
    written = array_store.write(({f"{name}a": X, f"{name}b": X}, y), str(tmp_path))
    spec = DataSpec(source=str(written))
    assert len(outline_data(load(spec), spec)) <= LONGEST_LINE


@pytest.mark.parametrize("kind", [UserError, DataError, SpaceError])
def test_every_error_of_users_is_short(kind: type[Exception]) -> None:
    """Whoever makes it need not think of it; its end, which says what to do, stays."""
    line = str(kind(f"Expected a name. Received: {LONG}: shorten it."))
    assert len(f"Error: {line}") == LONGEST_LINE
    assert line.endswith("xxx: shorten it.")
