"""Rows for an exported model, from files as people have them, without a card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from search_spaces.user_code.source_files import load_file
from tests.support.terminal import Terminal
from tuner.datasets import DataError
from tuner.models.predict import predict_table

pytestmark = pytest.mark.keras

DIGITS = load_digits()
NAMES = ",".join(f"p{i}" for i in range(64))


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """Takes the images of digits."""
    x = keras.Input((8, 8))
    made = keras.Model(x, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    made.save(tmp_path / "model.keras")
    return made


@pytest.fixture
def pair(tmp_path: Path) -> Any:
    """Takes two inputs."""
    named = {"a": keras.Input((2,), name="a"), "b": keras.Input((3,), name="b")}
    made = keras.Model(named, keras.layers.Concatenate()(list(named.values())))
    made.save(tmp_path / "model.keras")
    return made


def predicted(folder: Path, file: str) -> np.ndarray:
    return predict_table(str(folder / "model.keras"), str(folder / file)).to_numpy()


@pytest.mark.parametrize("header", ["", NAMES], ids=["without", "with"])
def test_every_row_of_a_table_counts(model: Any, tmp_path: Path, header: str) -> None:
    """Without names in its first line, too, where equal numbers stand in it."""
    np.savetxt(tmp_path / "rows.csv", DIGITS.data[:4], delimiter=",", header=header, comments="")
    expected = model.predict(DIGITS.images[:4], verbose=0)
    np.testing.assert_allclose(predicted(tmp_path, "rows.csv"), expected, atol=1e-5)


@pytest.mark.parametrize("index", [False, True])
def test_a_data_frame_without_names_has_as_many_predictions(
    model: Any, tmp_path: Path, index: bool
) -> None:
    """The numbers of its columns are no row, its index no column."""
    pd.DataFrame(DIGITS.data[:9]).to_csv(tmp_path / "rows.csv", index=index)
    expected = model.predict(DIGITS.images[:9], verbose=0)
    np.testing.assert_allclose(predicted(tmp_path, "rows.csv"), expected, atol=1e-5)


def test_a_first_line_that_may_be_either_is_asked_about(tmp_path: Path) -> None:
    """Numbers in a first line may be names: `--header` or `--no-header` decides."""
    x = keras.Input((2,))
    made = keras.Model(x, keras.layers.Dense(2)(x))
    made.save(tmp_path / "model.keras")
    (tmp_path / "rows.csv").write_text("0,1\n4,5\n")
    with pytest.raises(DataError, match=r"0, 1, which may be either: add --header or --no-header"):
        predicted(tmp_path, "rows.csv")
    for header, rows in ((True, [[4, 5]]), (False, [[0, 1], [4, 5]])):
        found = predict_table(
            str(tmp_path / "model.keras"), str(tmp_path / "rows.csv"), header=header
        )
        np.testing.assert_allclose(found, made.predict(np.array(rows), verbose=0), atol=1e-5)


def test_arrays_are_taken_as_they_are(model: Any, tmp_path: Path) -> None:
    """Answers are those of the model for the same images."""
    np.savez(tmp_path / "rows.npz", x=DIGITS.images[:4], y=DIGITS.target[:4])
    expected = model.predict(DIGITS.images[:4], verbose=0)
    np.testing.assert_allclose(predicted(tmp_path, "rows.npz"), expected, atol=1e-5)


def test_each_of_several_inputs_goes_by_its_name(pair: Any, tmp_path: Path) -> None:
    """In whatever order the file has them."""
    a, b = np.arange(4.0).reshape(2, 2), np.arange(6).reshape(2, 3).astype(np.uint8)
    np.savez(tmp_path / "rows.npz", b=b, a=a)
    np.testing.assert_array_equal(predicted(tmp_path, "rows.npz"), np.hstack([a, b]))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.eye(2)}, "expected the arrays a, b. Received: a: add b"),
        ({"a": np.eye(2), "b": np.eye(2)}, "(rows, 3) in b. Received: float64 of shape (2, 2)"),
        ({"a": np.eye(2), "b": np.eye(3)}, "Received: 2 in a, 3 in b"),
        ({"a": np.eye(2), "b": np.full((2, 3), "x")}, "expected numbers of shape (rows, 3) in b"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    pair: Any, tmp_path: Path, arrays: Any, message: str
) -> None:
    """Missing ones, other shapes, other lengths."""
    np.savez(tmp_path / "rows.npz", **arrays)
    with pytest.raises(DataError) as caught:
        predicted(tmp_path, "rows.npz")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_has_no_room_for_several_inputs(pair: Any, tmp_path: Path) -> None:
    """The message says what is wanted instead."""
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"expected a \.npz file with the arrays a, b"):
        predicted(tmp_path, "rows.csv")


OWN_LAYER = """
import keras

@keras.saving.register_keras_serializable(package="tests")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""


def test_layers_of_ones_own_come_from_their_file(tmp_path: Path) -> None:
    """Nothing is run unless it is named; what is lacking is told on one line."""
    (tmp_path / "own.py").write_text(OWN_LAYER)
    layer = load_file(tmp_path / "own.py").attribute("Doubled")
    x = keras.Input((2,))
    keras.Model(x, layer()(x)).save(tmp_path / "model.keras")
    (tmp_path / "rows.csv").write_text("1,2\n3,4\n")
    tuner = Terminal(tmp_path)
    without = tuner("predict", "model.keras", "rows.csv")
    assert without.returncode == 2
    assert "tuner predict --code FILE.py" in without.stderr.strip().rpartition("\n")[2]
    answers = tuner.json("predict", "model.keras", "rows.csv", "--code", "own.py")
    assert [list(row.values()) for row in answers] == [[2.0, 4.0], [6.0, 8.0]]
    missing = tuner("predict", "model.keras", "rows.csv", "--code", "nowhere.py")
    assert missing.returncode == 2
    assert "Expected a readable Python file" in missing.stderr


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """Answers with its two columns, which are called b and a."""
    x = keras.Input((2,))
    keras.Model(x, keras.layers.Rescaling(1.0)(x)).save(tmp_path / "model.keras")
    about = {"columns": ["b", "a"], "shape": [2], "target": None}
    (tmp_path / "model.json").write_text(json.dumps({"data": about}))
    return tmp_path


def test_columns_are_found_by_the_names_of_training(named: Path) -> None:
    """In a file, in memory and among arrays; those that are called otherwise are refused."""
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    expected = frame[["b", "a"]].to_numpy()
    frame.to_csv(named / "rows.csv", index=False)
    np.savez(named / "rows.npz", x=frame.to_numpy(), x_names=["a", "b"])
    for rows in ("rows.csv", "rows.npz"):
        np.testing.assert_array_equal(predicted(named, rows), expected)
    model = str(named / "model.keras")
    np.testing.assert_array_equal(predict_table(model, frame).to_numpy(), expected)
    renamed = frame.rename(columns={"a": "c"})
    np.savez(named / "other.npz", x=frame.to_numpy(), x_names=["c", "b"])
    for rows in (renamed, str(named / "other.npz")):
        with pytest.raises(DataError, match=r"missing: a; not known: c"):
            predict_table(model, rows)


def test_rows_without_names_go_by_position(named: Path) -> None:
    """If there are as many of them."""
    np.savez(named / "rows.npz", x=np.eye(2))
    np.testing.assert_array_equal(predicted(named, "rows.npz"), np.eye(2))
    np.savez(named / "rows.npz", x=np.eye(3))
    with pytest.raises(DataError, match=r"\(rows, 2\)"):
        predicted(named, "rows.npz")
