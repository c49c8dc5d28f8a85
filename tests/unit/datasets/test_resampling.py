"""Classes with as many training rows each: which rows are drawn, and that no others change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from tuner.datasets import Data, DataError, DataSpec, load
from tuner.datasets.data_spec import RESAMPLING, RESAMPLINGS
from tuner.studies.study_data import StudyData

ROWS, COLUMNS = 120, 3


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Three classes of 72, 36 and 12 rows, all of which differ."""
    x = np.random.default_rng(0).normal(size=(ROWS, COLUMNS))
    y = np.repeat(["big", "middle", "small"], [72, 36, 12])
    np.savez(tmp_path / "a.npz", x=x, y=y)
    return str(tmp_path / "a.npz")


def drawn(source: str, asked: str, **fields: Any) -> Data:
    return load(DataSpec(source=source, preparation={RESAMPLING: asked}, **fields))


def rows_of(x: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in x}


@pytest.mark.parametrize("asked", RESAMPLINGS)
@pytest.mark.parametrize("fold", [0, 1])
def test_classes_have_as_many_training_rows(source: str, asked: str, fold: int) -> None:
    """As the largest has, or the smallest; other parts and the scaling are as they were."""
    fields: dict[str, Any] = {"folds": 3, "fold": fold}
    plain, data = load(DataSpec(source=source, **fields)), drawn(source, asked, **fields)
    counts = np.bincount(plain.train.y)
    each = counts.min() if asked == "under" else counts.max()
    assert np.bincount(data.train.y).tolist() == [each] * 3
    assert data.train.x.dtype == np.float32
    for part in ("validation", "test"):
        np.testing.assert_array_equal(getattr(data, part).x, getattr(plain, part).x)
        np.testing.assert_array_equal(getattr(data, part).y, getattr(plain, part).y)
    labels = dict(zip(map(bytes, plain.train.x), plain.train.y, strict=True))
    if asked == "under":
        assert len(rows_of(data.train.x)) == len(data.train), "no row is drawn twice"
    if asked != "smote":
        assert [labels[bytes(row)] for row in data.train.x] == data.train.y.tolist()
    if asked != "under":
        np.testing.assert_array_equal(data.train.x[: len(plain.train)], plain.train.x)


def test_new_rows_lie_between_a_row_and_one_of_its_five_neighbours(source: str) -> None:
    """Of the same class, whose neighbours scikit-learn finds."""
    plain, data = load(DataSpec(source=source)), drawn(source, "smote")
    new = slice(len(plain.train), None)
    for row, label in zip(data.train.x[new], data.train.y[new], strict=True):
        of_class = plain.train.x[plain.train.y == label]
        search = NearestNeighbors(n_neighbors=5).fit(of_class)
        pairs = search.kneighbors(return_distance=False)
        start, step = of_class[:, None], of_class[pairs] - of_class[:, None]
        share = ((row - start) * step).sum(-1, keepdims=True) / (step**2).sum(-1, keepdims=True)
        distance = np.abs(start + np.clip(share, 0, 1) * step - row).max(axis=-1)
        assert distance.min() < 1e-5


@pytest.mark.parametrize("asked", RESAMPLINGS)
def test_what_is_drawn_follows_from_the_seed_of_the_data(source: str, asked: str) -> None:
    """The same one draws the same rows again, another one others."""
    one, again = (drawn(source, asked, seed=1).train.x for _ in range(2))
    np.testing.assert_array_equal(one, again)
    plain = load(DataSpec(source=source, seed=1)).train
    other = drawn(source, asked, seed=2)
    assert rows_of(one) != rows_of(other.train.x)
    assert len(plain) != len(one)


def test_weights_of_classes_are_those_of_the_rows_that_are_drawn(source: str) -> None:
    """So that balanced ones change nothing more, and others do."""
    balanced = drawn(source, "over", class_weights="balanced")
    assert balanced.class_weights == (1, 1, 1)
    spec = DataSpec(
        source=source,
        arguments={"class_weights": "balanced"},
        preparation={RESAMPLING: "under"},
    )
    searched = StudyData(spec, load(spec)).of({})
    assert searched.class_weights == (1, 1, 1)
    given = drawn(source, "under", class_weights="small=4").train
    assert given.weights is not None
    ratio = given.weights[given.y == 2] / given.weights[given.y == 0]
    np.testing.assert_allclose(ratio, 4, rtol=1e-6)


@pytest.mark.parametrize("class_weights", [None, "balanced"])
def test_a_refit_draws_from_training_and_validation_rows_together(
    source: str, class_weights: str | None
) -> None:
    """Each class has as many rows as the largest has in both; a trial without draws none."""
    spec = DataSpec(
        source=source, class_weights=class_weights, preparation={RESAMPLING: "none"}, folds=2
    )
    data = StudyData(spec, load(spec))
    both = data.with_validation_rows({RESAMPLING: "over"})
    rows = len(data.default.train) + len(data.default.validation)
    plain = data.with_validation_rows({})
    assert len(plain.train) == rows
    most = np.bincount(plain.train.y).max()
    assert np.bincount(both.train.y).tolist() == [most] * 3
    np.testing.assert_array_equal(both.train.x[:rows], plain.train.x)
    assert (both.train.weights is None) is (class_weights is None)
    if both.train.weights is not None:
        assert set(both.train.weights) == {1}


@pytest.mark.parametrize(
    ("arrays", "asked", "line"),
    [
        ({"y": np.arange(40.0)}, "over", "expected classes of a single target for --set resampl"),
        ({"w": np.ones(40)}, "over", "expected rows that all count the same with --set resampling"),
        ({"x": np.zeros((40, 2, 2))}, "smote", "expected rows of columns for --set resampling=sm"),
        ({"y": np.arange(40) < 2}, "smote", "2 training rows or more of every class for --set"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    tmp_path: Path, arrays: dict[str, Any], asked: str, line: str
) -> None:
    """In one line that says what else can be done."""
    x = np.random.default_rng(0).normal(size=(40, 2))
    np.savez(tmp_path / "a.npz", **{"x": x, "y": np.arange(40) % 3 == 0, **arrays})
    with pytest.raises(DataError) as caught:
        drawn(str(tmp_path / "a.npz"), asked)
    message = str(caught.value)
    assert line in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("asked", ["over", "under"])
def test_rows_of_any_shape_are_drawn(tmp_path: Path, asked: str) -> None:
    """Images, for example."""
    x = np.random.default_rng(0).integers(0, 256, (40, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(40) % 4 == 0)
    data = drawn(str(tmp_path / "a.npz"), asked)
    assert data.train.x.shape[1:] == (4, 4)
    assert len(set(np.bincount(data.train.y))) == 1
