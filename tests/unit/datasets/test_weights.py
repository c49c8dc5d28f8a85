"""Rows and classes may count differently: where weights come from, and what they come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.datasets import DataError, DataSpec, load, load_shared, shared
from tuner.datasets.weights import join
from tuner.datasets.written import write

X = np.arange(100.0).reshape(50, 2)
Y = np.array(["no", "no", "no", "no", "yes"] * 10)
W = np.linspace(0.1, 5, 50)


def table(folder: Path, *, weights: np.ndarray = W) -> str:
    lines = ["a,b,count,answer"]
    lines += [f"{a},{b},{w},{y}" for (a, b), w, y in zip(X, weights, Y, strict=True)]
    (folder / "table.csv").write_text("\n".join(lines))
    return str(folder / "table.csv")


def test_a_column_may_weigh_the_rows(tmp_path):
    """It is no feature, and goes to the part of its row."""
    spec = DataSpec(source=table(tmp_path), target="answer", weights="count")
    data = load(spec)
    assert data.columns == ("a", "b")
    for name in ("train", "validation", "test"):
        rows = data.selections[name].indices
        np.testing.assert_allclose(getattr(data, name).weights, W[rows], rtol=1e-6)
    assert data.fingerprint != load(DataSpec(source=spec.source, target="answer")).fingerprint


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": X, "y": Y, "w": W},
        {"x_train": X, "y_train": Y, "w_train": W[:, None], "x_test": X[:9], "y_test": Y[:9]},
        (X, Y, W),
    ],
    ids=["whole", "parts", "tuple"],
)
def test_arrays_bring_weights_under_a_name(tmp_path, arrays):
    """Those that are written once for workers, too."""
    data = load(DataSpec(source=str(write(arrays, str(tmp_path)))))
    np.testing.assert_allclose(data.train.weights, W[data.selections["train"].indices], rtol=1e-6)
    brought = isinstance(arrays, dict) and "x_test" in arrays
    assert (data.test.weights is None) is brought


def test_balanced_classes_count_the_same_in_training(tmp_path):
    """Elsewhere rows count as they come."""
    spec = DataSpec(source=table(tmp_path), target="answer", class_weights="balanced")
    data = load(spec)
    of_class = [data.train.weights[data.train.y == label].sum() for label in (0, 1)]
    assert of_class == pytest.approx([len(data.train) / 2] * 2)
    assert data.validation.weights is None
    assert data.test.weights is None


def test_classes_may_be_weighed_one_by_one(tmp_path):
    """Times the weights of the rows; a class that is not named weighs 1."""
    spec = DataSpec(source=table(tmp_path), target="answer", weights="count", class_weights="yes=4")
    data = load(spec)
    expected = W[data.selections["train"].indices] * np.where(data.train.y == 1, 4, 1)
    np.testing.assert_allclose(data.train.weights, expected, rtol=1e-6)


def test_validation_rows_that_join_training_are_weighed_like_training_rows(tmp_path):
    """As when a model is trained again on both."""
    data = load(DataSpec(source=table(tmp_path), target="answer", class_weights="no=2,yes=8"))
    joined = join(data.train, data.validation, data.class_weights)
    np.testing.assert_array_equal(joined.weights, np.where(joined.y == 1, 8, 2))


def test_weights_come_from_the_cache_as_they_were(tmp_path, monkeypatch):
    """The workers of a machine share them."""
    monkeypatch.setenv(shared.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(shared, "LARGE", 0)
    spec = DataSpec(source=table(tmp_path), target="answer", weights="count", class_weights="no=3")
    loaded, mapped = load(spec), [load_shared(spec) for _ in range(2)][-1]
    assert isinstance(mapped.train.weights, np.memmap)
    np.testing.assert_array_equal(mapped.train.weights, loaded.train.weights)
    assert mapped.class_weights == loaded.class_weights == (3.0, 1.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": "counts"}, "Did you mean 'count'?"),
        ({"weights": "answer"}, "beside the target"),
        ({"class_weights": "maybe=2"}, "expected class weights of its classes (no, yes)"),
        ({"class_weights": "yes=-2"}, "each 0 or more. Received: 'yes=-2'"),
        ({"class_weights": "heavy"}, "such as balanced or yes=5,no=1"),
    ],
)
def test_weights_that_cannot_be_meant_are_refused(tmp_path, fields, message):
    with pytest.raises(DataError) as caught:
        load(DataSpec(**{"source": table(tmp_path), "target": "answer", **fields}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_classes_have_weights_of_classes():
    with pytest.raises(DataError, match="with classes only"):
        load(DataSpec(source="diabetes", class_weights="balanced"))


def test_only_tables_have_columns_of_weights():
    with pytest.raises(DataError, match=r"--weights with tables"):
        load(DataSpec(source="iris", weights="count"))


@pytest.mark.parametrize("weights", [W - 3, W * 0, np.where(W < 1, np.nan, W)])
def test_weights_of_rows_must_be_such(tmp_path, weights):
    with pytest.raises(DataError, match="weights"):
        load(DataSpec(source=str(write((X, Y, weights), str(tmp_path)))))
