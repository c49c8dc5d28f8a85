"""Rows and classes may count differently: where weights come from, and what they come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.datasets import DataError, DataSpec, cache, load, load_shared
from tuner.datasets.array_store import write
from tuner.datasets.cache_folder import FOLDER_VARIABLE
from tuner.datasets.data_spec import NEW
from tuner.datasets.sample_weights import join

X = np.arange(100.0).reshape(50, 2)
Y = np.array(["no", "no", "no", "no", "yes"] * 10)
W = np.linspace(0.1, 5, 50)


def table(folder: Path, *, weights: np.ndarray = W, name: str = "table.csv") -> str:
    lines = ["a,b,count,answer"]
    lines += [f"{a},{b},{w},{y}" for (a, b), w, y in zip(X, weights, Y, strict=True)]
    (folder / name).write_text("\n".join(lines))
    return str(folder / name)


def test_a_column_may_weigh_the_rows(tmp_path):
    """It is no feature, and goes to the part of its row, where weights have a mean of 1."""
    spec = DataSpec(source=table(tmp_path), target="answer", weights="count")
    data = load(spec)
    assert data.columns == ("a", "b")
    for name in ("train", "validation", "test"):
        rows = data.selections[name].indices
        weights = getattr(data, name).weights
        np.testing.assert_allclose(weights, W[rows] / W[rows].mean(), rtol=1e-6)
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
    expected = W[data.selections["train"].indices]
    np.testing.assert_allclose(data.train.weights, expected / expected.mean(), rtol=1e-6)
    brought = isinstance(arrays, dict) and "x_test" in arrays
    assert (data.test.weights is None) is brought


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_file_with_wrong_weights_is_named(tmp_path: Path, part: str) -> None:
    """A part in a file of its own, not the one with the training rows."""
    zeros = table(tmp_path, weights=np.zeros(50), name="zeros.csv")
    given = {f"{part}_data": zeros}
    spec = DataSpec(source=table(tmp_path), target="answer", weights="count", **given)
    with pytest.raises(DataError, match=rf"zeros\.csv \({part}\): expected weights of 0 or more"):
        load(spec)


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
    np.testing.assert_allclose(data.train.weights, expected / expected.mean(), rtol=1e-6)


def test_weights_of_an_older_study_stay_as_they_came(tmp_path):
    """Its losses are divided by the number of rows, as they were before."""
    spec = DataSpec(source=table(tmp_path), target="answer", weights="count", class_weights="yes=4")
    old = {name: value for name, value in spec.to_dict().items() if name not in NEW}
    data = load(DataSpec.from_dict(old))
    of_train, of_test = (W[data.selections[part].indices] for part in ("train", "test"))
    expected = of_train.astype(np.float32) * np.where(data.train.y == 1, 4, 1)
    np.testing.assert_array_equal(data.train.weights, expected.astype(np.float32))
    np.testing.assert_array_equal(data.test.weights, of_test.astype(np.float32))


def test_the_scale_of_weights_does_not_matter(tmp_path):
    """Only their proportions do, however small they are."""
    arrays = [(X, Y, W * scale) for scale in (1, 2, 1e-60)]
    folders = [tmp_path / str(i) for i in range(len(arrays))]
    for folder in folders:
        folder.mkdir()
    sources = [
        str(write(three, str(folder))) for three, folder in zip(arrays, folders, strict=True)
    ]
    first, *others = (load(DataSpec(source=source)) for source in sources)
    for other in others:
        np.testing.assert_allclose(other.train.weights, first.train.weights, rtol=1e-6)


def test_validation_rows_that_join_training_are_weighed_like_training_rows(tmp_path):
    """As when a model is trained again on both; rows keep their proportions across the parts."""
    spec = DataSpec(
        source=table(tmp_path), target="answer", weights="count", class_weights="no=2,yes=8"
    )
    data = load(spec)
    joined = join(data, spec)
    rows = np.concatenate([data.selections[part].indices for part in ("train", "validation")])
    expected = W[rows] * np.where(joined.y == 1, 8, 2)
    np.testing.assert_allclose(joined.weights, expected / expected.mean(), rtol=1e-6)


def test_rows_that_all_count_nothing_are_refused(tmp_path):
    """Rows of the only class that counts may have no weight."""
    weights = np.where(Y == "yes", 0, W)
    spec = DataSpec(
        source=table(tmp_path, weights=weights),
        target="answer",
        weights="count",
        class_weights="no=0",
    )
    with pytest.raises(DataError, match="whose products are all 0"):
        load(spec)


def test_weights_come_from_the_cache_as_they_were(tmp_path, monkeypatch):
    """The workers of a machine share them."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "LARGE", 0)
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
    """On one line: columns that do not exist, values that are no weights, unknown classes."""
    with pytest.raises(DataError) as caught:
        load(DataSpec(**{"source": table(tmp_path), "target": "answer", **fields}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_classes_have_weights_of_classes():
    """A regression refuses them."""
    with pytest.raises(DataError, match="with classes only"):
        load(DataSpec(source="diabetes", class_weights="balanced"))


def test_only_tables_have_columns_of_weights():
    """A bundled set of arrays refuses the option."""
    with pytest.raises(DataError, match=r"--weights with tables"):
        load(DataSpec(source="iris", weights="count"))


@pytest.mark.parametrize("weights", [W - 3, W * 0, np.where(W < 1, np.nan, W)])
def test_weights_of_rows_must_be_such(tmp_path, weights):
    """Neither negative, nor all zero, nor missing."""
    with pytest.raises(DataError, match="weights"):
        load(DataSpec(source=str(write((X, Y, weights), str(tmp_path)))))
