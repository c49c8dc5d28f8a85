"""The data of each trial: its own combination, on the same rows as all others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search_spaces import Choice, Int
from search_spaces.parameters.feature_choice import FeatureChoice
from tests.support import series
from tuner.datasets import Data, DataSpec, load
from tuner.datasets.cache_folder import FOLDER_VARIABLE
from tuner.datasets.sample_weights import join
from tuner.errors import UserError
from tuner.studies.study_data import StudyData, at_the_ends

PREAMBLE = """
import numpy as np
from search_spaces import Choice, Int

x = np.random.default_rng(0).normal(size=(60, 3))
y = x.sum(axis=1)
w = np.arange(1.0, 61)
parts = {"x_val": x[40:50], "y_val": y[40:50], "x_test": x[50:], "y_test": y[50:]}

def load(a=Choice([0, 1])):
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


def study_data(source: str, **fields: object) -> StudyData:
    spec = DataSpec(source=source, **fields)  # type: ignore[arg-type]
    return StudyData(spec, load(spec))


def of_body(folder: Path, body: str) -> StudyData:
    (folder / "data.py").write_text(f"{PREAMBLE}    {body}\n")
    return study_data(f"{folder / 'data.py'}:load", arguments={"a": 0})


def order(data: Data, part: str) -> list[int]:
    """Which rows of the series a part has, found by their targets."""
    _, targets = series.by_hand(2)
    return [int(np.flatnonzero(targets == value)[0]) for value in data.raw_targets(part)]


def test_each_combination_has_the_same_rows_in_the_same_parts(tmp_path: Path):
    """Only what a row is made of differs; hyperparameters of the model change nothing."""
    source = series.write_function(tmp_path)
    data = study_data(source, arguments={"window": 4, "columns": "both"})
    assert data.of({"units": 8}) is data.default
    for window, columns in ((2, "both"), (12, "first")):
        other = data.of({"window": window, "columns": columns, "units": 8})
        assert other.inputs.shape == (window, 1 if columns == "first" else 2)
        for part in ("train", "validation", "test"):
            assert order(other, part) == order(data.default, part)
        ends = series.by_hand(window)[0][order(other, "test"), :, : other.inputs.shape[1]]
        np.testing.assert_array_equal(other.raw("test"), ends)
        assert data.of({"window": window, "columns": columns}) is other, "it is kept"


def test_folds_are_those_of_the_combination(tmp_path: Path):
    """The validation parts of all folds together are all rows but those of the test part."""
    source = series.write_function(tmp_path)
    data = study_data(source, folds=3, arguments={"window": 4})
    for values in ({"window": 4}, {"window": 9}):
        folds = [data.of(values, fold=fold) for fold in range(3)]
        assert {fold.inputs.shape for fold in folds} == {(values["window"], 2)}
        rows = sorted(row for fold in folds for row in order(fold, "validation"))
        assert rows == sorted(set(range(series.ROWS)) - set(order(data.default, "test")))


@pytest.mark.parametrize(
    ("body", "received"),
    [
        ("return x[a:], y[a:]", "parts of (35, 12, 12) rows instead of (36, 12, 12)"),
        ("return x, y + a", "other targets or another order"),
        ("return x[::1 - 2 * a], y[::1 - 2 * a]", "other targets or another order"),
        ("return x, y, w + a", "other targets or another order"),
        ("return x, (y > 0) * (a + 1)", "other targets or another order"),
        ("return {'x_train': x, 'y_train': y[:, None] * [1, 1 + a], 'x_test': x[:9], "
         "'y_test': np.ones((9, 2)), 'x_val': x[:9], 'y_val': np.ones((9, 2))}", "another scale"),
    ],
)  # fmt: skip
def test_combinations_whose_losses_do_not_compare(tmp_path: Path, body: str, received: str):
    """The line says which one it is, what differs, and what to return."""
    with pytest.raises(UserError) as caught:
        of_body(tmp_path, body).of({"a": 1})
    assert str(caught.value).startswith("Expected data.py:load(a=1) to ")
    assert received in str(caught.value)
    assert len(str(caught.value)) <= 300


def test_training_rows_may_be_others(tmp_path: Path):
    """Where the function returns all parts: more copies, for example."""
    body = "return {'x_train': x[:20 + a], 'y_train': y[:20 + a], **parts}"
    data = of_body(tmp_path, body)
    assert (len(data.of({}).train), len(data.of({"a": 1}).train)) == (20, 21)


def test_what_is_tried_at_launch():
    """The ends of ranges, the values of short lists, one argument at a time."""
    parameters = {
        "window": Int(2, 72, default=24),
        "columns": Choice(["all", "some"]),
        "seed": Choice(list(range(50)), default=0),
        "units": Int(1, 9),
    }
    spec = DataSpec(source="a.py:f", arguments={"window": 24, "columns": "all", "seed": 0})
    tried = list(at_the_ends(spec, parameters))
    assert tried == [{"window": 2}, {"window": 72}, {"columns": "some"}, {"seed": 49}]


def test_trials_that_search_weights_of_classes_share_their_rows() -> None:
    """The weights alone differ: they are those of a study with one value, in training only."""
    spec = DataSpec(source="breast-cancer", arguments={"class_weights": "none"})
    plain = DataSpec(source="breast-cancer")
    data_of = StudyData(spec, load(plain))
    unweighed, balanced = (data_of.of({"class_weights": one}) for one in ("none", "balanced"))
    expected = load(DataSpec(source="breast-cancer", class_weights="balanced"))
    assert unweighed.train.weights is None
    assert balanced.train.x is unweighed.train.x
    assert balanced.validation is unweighed.validation
    assert balanced.class_weights == expected.class_weights
    np.testing.assert_array_equal(balanced.train.weights, expected.train.weights)
    assert data_of.of({"class_weights": "balanced"}) is balanced
    np.testing.assert_array_equal(join(balanced, spec).weights, join(expected, plain).weights)


def test_weights_of_classes_need_classes() -> None:
    """Which is said before there is a study."""
    spec = DataSpec(source="diabetes", arguments={"class_weights": "balanced"})
    with pytest.raises(UserError, match="with classes only"):
        StudyData(spec, load(DataSpec(source="diabetes"))).of({})


def test_preparation_is_kept_and_shared_like_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each combination is prepared once on a machine: another process takes it from the cache."""
    source = series.write_function(tmp_path)
    body = "def load(): return np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 4 > 0"
    (tmp_path / "series.py").write_text(f"{series.FUNCTION}\n{body}\n")
    spec = DataSpec(source=source, preparation={"features": "all", "resampling": "none"})
    first, second = (StudyData(spec, load(spec)) for _ in range(2))
    chosen = {"features": "pca:2", "resampling": "smote"}
    one = first.of(chosen)
    assert one.inputs.shape == (2,)
    assert first.of(chosen) is one
    assert first.of({}) is first.unprepared is first.default
    with monkeypatch.context() as patched:
        patched.setattr("tuner.datasets.cache.load", lambda *_, **__: pytest.fail("prepared again"))
        other = second.of(chosen)
    assert other.features is not None
    np.testing.assert_array_equal(other.train.x, one.train.x)
    np.testing.assert_array_equal(other.features.transform(load(spec).test.x), one.test.x)
    np.testing.assert_array_equal(other.raw("test"), one.raw("test"))


def test_features_are_tried_at_the_ends_of_arguments() -> None:
    """Which may be how many columns there are."""
    parameters = {"columns": Int(2, 9), "features": FeatureChoice(["all", "pca:3"])}
    spec = DataSpec(source="a", arguments={"columns": 9}, preparation={"features": "all"})
    assert list(at_the_ends(spec, parameters)) == [
        {"columns": 2},
        {"columns": 2, "features": "all"},
        {"columns": 2, "features": "pca:3"},
        {"features": "pca:3"},
    ]
