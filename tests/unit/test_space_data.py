"""A space changes the rows of its trials: what it is given, what may differ, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.errors import SpaceError
from tuner.datasets import DataSpec, load
from tuner.datasets.cache_folder import FOLDER_VARIABLE
from tuner.errors import UserError
from tuner.studies.loading import space_and_data
from tuner.studies.study_data import StudyData

SPACE = """
from pathlib import Path
import numpy as np
from search_spaces import Choice, Int, SearchSpace

class Net(SearchSpace):
    columns = Int(1, 3, default=3)
    noise = Choice([0.0, 0.5])
    units = Int(4, 8)

    def build(self, hyperparameters, inputs, outputs):
        raise NotImplementedError

    def data(self, hyperparameters, data):
        with Path(__file__).with_suffix(".calls").open("a") as calls:
            calls.write("1\\n")
        {body}
"""
CUT = """columns = hyperparameters["columns"]
        kept = {name: data[name][:, :columns] for name in ("x_train", "x_val", "x_test")}
        extra = kept["x_train"] + hyperparameters.get("noise", 0.0)
        x = np.concatenate([kept["x_train"], extra])
        return {**kept, "x_train": x, "y_train": np.tile(data["y_train"], 2)}"""
ROWS = 60


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


def written(folder: Path, body: str = CUT) -> str:
    (folder / "net.py").write_text(SPACE.replace("{body}", body))
    return f"{folder / 'net.py'}:Net"


def calls(folder: Path) -> int:
    return len((folder / "net.calls").read_text().splitlines())


def made(folder: Path, body: str = CUT, **fields: Any) -> StudyData:
    x = np.random.default_rng(0).normal(size=(ROWS, 3))
    np.savez(folder / "rows.npz", x=x, y=np.arange(ROWS) % 3)
    _, spec = space_and_data(
        written(folder, body), (), (), DataSpec(source=str(folder / "rows.npz"), **fields)
    )
    return StudyData(spec, load(spec))


@pytest.mark.parametrize("folds", [1, 3])
def test_rows_are_changed_once_they_are_divided(tmp_path: Path, folds: int) -> None:
    """All combinations validate and test on the same rows; scalings are fitted on what is made."""
    data = made(tmp_path, folds=folds)
    assert data.default.inputs.shape == (3,)
    for fold in range(folds):
        plain = load(DataSpec(source=str(tmp_path / "rows.npz"), folds=folds, fold=fold))
        chosen = data.of({"columns": 2, "noise": 0.5, "units": 4}, fold=fold)
        for part in ("validation", "test"):
            np.testing.assert_array_equal(chosen.raw(part), plain.raw(part)[:, :2])
            np.testing.assert_array_equal(chosen.raw_targets(part), plain.raw_targets(part))
        rows = np.asarray(plain.raw("train"))[:, :2]
        np.testing.assert_array_equal(chosen.raw("train"), np.concatenate([rows, rows + 0.5]))
        assert len(chosen.train) == 2 * len(plain.train)
        np.testing.assert_allclose(chosen.train.x.mean(axis=0), 0, atol=1e-6)


def test_each_combination_is_made_once_on_a_machine(tmp_path: Path) -> None:
    """Of what it asks for: other hyperparameters share their data, in other processes too."""
    first = made(tmp_path)
    assert first.of({"units": 4}) is first.default
    one = first.of({"columns": 2, "units": 4})
    before = calls(tmp_path)
    assert first.of({"columns": 2, "units": 8}) is one
    second = StudyData(first._asked, first.default)
    np.testing.assert_array_equal(second.of({"columns": 2}).train.x, one.train.x)
    assert calls(tmp_path) == before
    written(tmp_path, CUT.replace("+ hyper", "- hyper"))
    StudyData(first._asked, first.default).of({"columns": 2})
    assert calls(tmp_path) == before + 1, "the file is another one"
    (tmp_path / "beside.py").write_text("")
    StudyData(first._asked, first.default).of({"columns": 2})
    assert calls(tmp_path) == before + 2, "it may import that one"


def test_what_it_asks_for_is_read_from_its_file(tmp_path: Path) -> None:
    """In the order of the method; nothing else is handed over."""
    data = made(tmp_path)
    assert data._asked.hyperparameters == {"columns": 3, "noise": 0.0}
    again = DataSpec.from_dict(data._asked.to_dict())
    assert again == data._asked
    assert set(again.searched) == {"columns", "noise"}


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("return dict(hyperparameters)", "to ask for hyperparameters by names alone"),
        ("return hyperparameters['width']", "to ask for parameters of net. Received: 'width'"),
        ("return data['x_train']", "Received: a value of type ndarray: name what it changes"),
        ("return {'x_valid': data['x_val']}", "Received: x_valid."),
        ("1 / 0", "Received: ZeroDivisionError"),
        ("return {'x_train': data['x_train'][:9]}", "Received: 9 rows in x and 36 targets in y"),
        ("return {'x_val': data['x_val'][1:], 'y_val': data['y_val'][1:]}", "Received: 11 instead"),
        ("return {'x_train': data['x_train'][:, :2]}", "rows of one shape in all parts"),
        ("return {'x_train': data['x_train'] + np.inf}", "expected finite numbers"),
        ("return {'y_train': data['y_train'] + 1}", "expected no other classes than the source's"),
        ("return {'y_train': data['y_train'] * 0}", "rows of every class. Received: none of class"),
        ("return {'y_test': data['y_test'][:, None] * [1, 1]}", "targets of one shape"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, body: str, line: str) -> None:
    """That names the method, what is expected and what came."""
    with pytest.raises((SpaceError, UserError)) as caught:
        made(tmp_path, body)
    message = str(caught.value)
    assert line in message
    assert "data() of net.py:Net" in message
    assert len(message.splitlines()) == 1
    assert len(message) <= 330


def test_targets_that_depend_on_hyperparameters_do_not_compare(tmp_path: Path) -> None:
    """Those that trials are compared on."""
    body = "return {'y_val': np.roll(data['y_val'], 3 - hyperparameters['columns'])}"
    data = made(tmp_path, body)
    with pytest.raises(UserError, match=r"data\(\) of net.py:Net with columns=2 to validate and"):
        data.of({"columns": 2})


def test_a_space_that_has_none_changes_nothing() -> None:
    """And its studies say so."""
    _, spec = space_and_data("mlp", (), (), DataSpec(source="iris"))
    assert spec.space is None
