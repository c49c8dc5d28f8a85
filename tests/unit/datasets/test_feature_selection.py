"""Columns that trials are asked for: as scikit-learn has them, fitted on training rows alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_classif, f_regression

from tests.support import series
from tuner.datasets import Data, DataError, DataSpec, load
from tuner.datasets.data_spec import FEATURES

PARTS = ("train", "validation", "test")


def asked(source: str, features: str, **fields: Any) -> Data:
    return load(DataSpec(source=source, preparation={FEATURES: features}, **fields))


@pytest.mark.parametrize("source", ["breast-cancer", "diabetes"])
@pytest.mark.parametrize("features", ["kbest:3", "pca:4"])
@pytest.mark.parametrize("fold", [0, 2])
def test_they_are_those_of_scikit_learn_on_the_training_rows_of_a_fold(
    source: str, features: str, fold: int
) -> None:
    """The best of a regression by ``f_regression``; other parts are transformed as they are."""
    whole = load(DataSpec(source=source, folds=3, fold=fold))
    data = asked(source, features, folds=3, fold=fold)
    method: Any = PCA(4)
    if features == "kbest:3":
        method = SelectKBest(f_classif if whole.classes else f_regression, k=3)
    method.fit(whole.train.x.astype(np.float64), whole.train.y)
    assert data.inputs.shape == (int(features[-1]),)
    assert data.raw_shape == whole.inputs.shape
    assert data.fingerprint == whole.fingerprint
    for part in PARTS:
        expected = method.transform(getattr(whole, part).x)
        np.testing.assert_allclose(getattr(data, part).x, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(data.raw(part), whole.raw(part))


def test_a_constant_column_is_no_good_one(tmp_path: Path) -> None:
    """Its statistic is none; nobody is warned."""
    random = np.random.default_rng(0)
    x = np.stack([np.full(60, 2.0), random.normal(size=60), random.normal(size=60)], axis=1)
    np.savez(tmp_path / "a.npz", x=x, y=x[:, 2] > 0)
    data = asked(str(tmp_path / "a.npz"), "kbest:2")
    assert data.features is not None
    assert data.features.kept is not None
    assert data.features.kept.tolist() == [1, 2]


def test_columns_of_several_kinds_are_selected_once_they_are_numbers(tmp_path: Path) -> None:
    """Each category is a column then."""
    rows = "".join(f"{i % 7},{'abc'[i % 3]},{int(i % 3 == 1)}\n" for i in range(90))
    (tmp_path / "a.csv").write_text(f"n,c,y\n{rows}")
    data = asked(str(tmp_path / "a.csv"), "kbest:1", target="y")
    assert data.encoder is not None
    assert set(data.raw("test")) == {"n", "c"}
    assert set(np.unique(data.train.x)) == {0, 1}, "the column of b, which is the target"


def test_a_later_fold_with_fewer_columns_has_all_of_them(tmp_path: Path) -> None:
    """A category that one row has is no column where that row validates; the launch saw another."""
    rows = "".join(f"{i % 7},{'z' if i == 5 else 'ab'[i % 2]},{i % 2}\n" for i in range(90))
    (tmp_path / "a.csv").write_text(f"n,c,y\n{rows}")

    def widths(features: str, seed: int) -> list[int]:
        fields = {"target": "y", "folds": 3, "seed": seed}
        source = str(tmp_path / "a.csv")
        return [asked(source, features, **fields, fold=fold).inputs.shape[0] for fold in range(3)]

    seed = next(n for n in range(20) if widths("all", n)[0] > min(widths("all", n)))
    most = widths("all", seed)[0]
    assert widths(f"kbest:{most}", seed) == widths("all", seed)
    assert widths(f"pca:{most}", seed) == widths("all", seed)


@pytest.mark.parametrize(
    ("source", "features", "fields", "line"),
    [
        ("iris", "kbest:5", {}, "at most 4 features. Received: --set features=kbest:5 of 4 col"),
        ("iris", "pca:9", {}, "at most 4 features"),
        ("synthetic", "pca:9", {}, "at most 6 features"),
        ("digits", "pca:9", {"learns": "rows"}, "a space that learns the rows themselves"),
        ("pair", "kbest:2", {}, "a single target for --set features=kbest:2"),
        ("images", "pca:2", {}, "Received: rows of shape 4x4"),
        ("windows", "pca:2", {}, "Received: rows of shape 4x2"),
        ("two", "pca:2", {}, "Received: several inputs"),
    ],
)
def test_what_has_no_such_columns_is_refused(
    tmp_path: Path, source: str, features: str, fields: dict[str, Any], line: str
) -> None:
    """In one line that names the source and what was asked."""
    x = np.random.default_rng(0).normal(size=(40, 4, 4))
    y = np.arange(40.0)
    wide = np.random.default_rng(0).normal(size=(10, 20))
    named: dict[str, Any] = {
        "images": {"x": x, "y": y},
        "pair": {"x": x[:, 0], "y": x[:, 1, :2]},
        "synthetic": {"x": wide, "y": np.arange(10.0)},
    }
    if source in named:
        np.savez(tmp_path / "a.npz", **named[source])
        source = str(tmp_path / "a.npz")
    elif source == "windows":
        source, fields = series.write_function(tmp_path), {"arguments": {"window": 4}}
    elif source == "two":
        (tmp_path / "two.py").write_text(
            "import numpy as np\ndef load():\n    x = np.arange(80.0).reshape(40, 2)\n"
            "    return {'a': x, 'b': x}, x[:, 0]\n"
        )
        source = f"{tmp_path / 'two.py'}:load"
    with pytest.raises(DataError) as caught:
        asked(source, features, **fields)
    message = str(caught.value)
    assert line in message
    assert len(message.splitlines()) == 1
