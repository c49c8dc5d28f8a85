"""Several targets a row: labels or numbers, from tables and arrays, with their names."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits, load_linnerud

from search_spaces import SpaceError, catalog
from tests.support.refusals import error_of
from tuner.cli import main
from tuner.datasets import DataSpec, array_store, cache, describe, load, load_shared
from tuner.datasets.cache_folder import FOLDER_VARIABLE
from tuner.datasets.dataset_profile import profile_dataset
from tuner.models.scores import score
from tuner.report.sections.best_model_scores import CLASSES, section

NAMES = ("even", "above 4", "prime")
TARGET = "even,above 4, prime"


def labels() -> np.ndarray:
    """What is true of scikit-learn's digits: even, above 4, prime."""
    y = load_digits().target
    return np.stack([y % 2 == 0, y > 4, np.isin(y, (2, 3, 5, 7))], axis=1).astype(int)


@pytest.fixture
def table(tmp_path) -> str:
    """Some pixels of digits, with their labels in columns among them."""
    x = load_digits().data[:, 10:14]
    frame = pd.DataFrame(x, columns=list("abcd"))
    for i, (name, column) in enumerate(zip(NAMES, labels().T, strict=True)):
        frame.insert(i, name, column)
    path = tmp_path / "digits.csv"
    frame.to_csv(path, index=False)
    return str(path)


def test_columns_of_a_table_are_labels(table):
    """They are found, keep their order and names, and are no features."""
    data = load(DataSpec(source=table, target=TARGET))
    assert (data.outputs.task, data.outputs.units, data.targets) == ("labels", 3, NAMES)
    assert (data.outputs.activation, data.outputs.loss) == ("sigmoid", "binary_crossentropy")
    assert data.columns == ("a", "b", "c", "d")
    assert (data.classes, data.target_scaler, data.target_unit) == (None, None, None)
    assert data.train.y.dtype == np.float32
    for part, rows in (("train", data.train), ("test", data.test)):
        np.testing.assert_array_equal(rows.y, data.raw_targets(part))
        np.testing.assert_array_equal(rows.y, labels()[data.selections[part].indices])


def test_columns_of_numbers_are_a_regression(tmp_path):
    """Physical measures by exercises; each is scaled by itself."""
    found = load_linnerud(as_frame=True)
    found.frame.to_csv(tmp_path / "gym.csv", index=False)
    data = load(DataSpec(source=str(tmp_path / "gym.csv"), target="Weight,Waist,Pulse"))
    assert (data.outputs.task, data.outputs.units) == ("regression", 3)
    assert data.targets == ("Weight", "Waist", "Pulse")
    np.testing.assert_array_equal(data.raw_targets("test"), found.target.iloc[indices(data)])
    np.testing.assert_allclose(data.train.y.mean(axis=0), 0, atol=1e-5)
    scores = score(data, "test", data.raw_targets("test"))
    assert [target["target"] for target in scores["targets"]] == list(data.targets)
    assert scores["loss"] == pytest.approx(0, abs=1e-9)


def indices(data) -> np.ndarray:
    return data.selections["test"].indices


def test_a_column_may_have_a_comma_in_its_name(tmp_path):
    """Where there is such a column, it is one target and not two."""
    frame = pd.DataFrame({"x": range(20), "a,b": [0, 1] * 10})
    frame.to_csv(tmp_path / "t.csv", index=False)
    data = load(DataSpec(source=str(tmp_path / "t.csv"), target="a,b"))
    assert (data.outputs.task, data.columns) == ("binary", ("x",))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("even,prim", "Received: 'prim'. Did you mean 'prime'?"),
        ("even,even", "Received: 'even' twice"),
        ("even,", "one of its columns"),
    ],
)
def test_targets_that_cannot_be_meant_are_refused(table, target, message):
    """Mistyped names, the same name twice, or an empty one."""
    assert message in error_of(table, target=target)


def test_one_of_several_targets_holds_text(tmp_path):
    """Labels are told by numbers; the column and a value are named."""
    frame = pd.DataFrame({"x": range(20), "a": [0, 1] * 10, "b": ["yes", "no"] * 10})
    frame.to_csv(tmp_path / "t.csv", index=False)
    told = error_of(str(tmp_path / "t.csv"), target="a,b")
    assert "expected numbers in every target column where there are several" in told
    assert "'yes' in column 'b'" in told


def test_class_weights_are_for_classes(table):
    """Several labels have none."""
    told = error_of(table, target=TARGET, class_weights="balanced")
    assert "Received: the task multilabel: leave --class-weights out" in told


def test_a_family_that_takes_classes_only_says_so(table):
    """It names the tasks that it can do."""
    data = load(DataSpec(source=table, target=TARGET))
    with pytest.raises(
        SpaceError, match=r"Expected the task binary or multiclass for lvq\. Received"
    ):
        catalog.load("lvq").check(data.inputs, data.outputs)


def test_arrays_bring_names_beside_them(tmp_path):
    """Without names labels are numbered, and as many names as labels are wanted."""
    path = tmp_path / "digits.npz"
    np.savez(path, x=load_digits().data, y=labels(), y_names=np.array(NAMES))
    data = load(DataSpec(source=str(path), task="labels"))
    assert (data.outputs.task, data.targets) == ("labels", NAMES)
    np.savez(path, x=load_digits().data, y=labels())
    assert load(DataSpec(source=str(path))).targets == ("0", "1", "2")
    np.savez(path, x=load_digits().data, y=labels(), y_names=np.array(NAMES[:2]))
    assert "expected 3 different names of targets" in error_of(str(path))


def test_a_data_frame_in_memory_brings_its_columns(tmp_path):
    """Which differ in the file's name: two studies of other labels share no file."""
    frame = pd.DataFrame(labels().astype(bool), columns=NAMES)
    path = array_store.write((load_digits().data, frame), str(tmp_path))
    data = load(DataSpec(source=str(path)))
    assert (data.outputs.task, data.targets) == ("labels", NAMES)
    other = frame.set_axis(["x", "y", "z"], axis=1)
    assert array_store.write((load_digits().data, other), str(tmp_path)) != path


def test_names_of_labels_are_kept_with_shared_data(table, tmp_path, monkeypatch):
    """What is mapped from the cache has them too."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "LARGE", 0)
    spec = DataSpec(source=table, target=TARGET)
    loaded, mapped = load(spec), [load_shared(spec) for _ in range(2)][-1]
    assert isinstance(mapped.train.y, np.memmap)
    assert (mapped.targets, mapped.outputs) == (loaded.targets, loaded.outputs)
    np.testing.assert_array_equal(mapped.train.y, loaded.train.y)


def test_labels_are_described_and_counted(table):
    """Rows with each label, and the first rows as they are."""
    spec = DataSpec(source=table, target=TARGET)
    described, portrait = describe(spec), profile_dataset(spec)
    assert (described.task, described.classes) == ("labels", 3)
    assert portrait.counts == dict(zip(NAMES, labels().sum(axis=0).tolist(), strict=True))
    assert portrait.targets is None
    assert [portrait.sample[0][name] for name in NAMES] == labels()[0].tolist()


def test_the_command_shows_the_share_of_rows_with_each_label(table):
    """In percent, beside the label's name."""
    shown = CliRunner().invoke(main, ["datasets", table, "--target", TARGET])
    share = labels()[:, 2].mean()
    assert "multilabel (3)" in shown.output
    assert f"{share:.1%}" in next(line for line in shown.output.splitlines() if "prime" in line)


def test_the_command_takes_a_task(tmp_path):
    """Rows with one label each need one: they may as well be classes."""
    np.savez(tmp_path / "hot.npz", x=np.arange(40.0).reshape(20, 2), y=np.eye(2)[[0, 1] * 10])
    typed = ["datasets", str(tmp_path / "hot.npz")]
    assert "one-hot" in CliRunner().invoke(main, typed).stderr
    shown = CliRunner().invoke(main, [*typed, "--task", "labels", "--json"])
    assert json.loads(shown.stdout)["counts"] == {"0": 10, "1": 10}


def test_a_report_has_a_line_for_each_label(table):
    """With its recall, which is 1 where all answers are yes."""
    data = load(DataSpec(source=table, target=TARGET))
    shown = _shown(data, np.full((len(data.test), 3), 0.75))
    assert shown.table is not None
    assert [row[0] for row in shown.table.rows] == list(NAMES)
    recall = shown.table.columns.index("recall")
    assert [row[recall] for row in shown.table.rows] == ["1", "1", "1"]


def test_a_report_of_very_many_labels_shows_the_worst(tmp_path):
    """No more lines than classes would get, the worst first."""
    many, random = CLASSES + 2, np.random.default_rng(0)
    y = random.integers(0, 2, (200, many))
    np.savez(tmp_path / "many.npz", x=random.normal(size=(200, 2)), y=y)
    data = load(DataSpec(source=str(tmp_path / "many.npz")))
    answers = data.test.y * 0.8 + 0.1
    answers[:, 17] = 1 - answers[:, 17]
    shown = _shown(data, answers)
    assert shown.table is not None
    assert (len(shown.table.rows), shown.table.rows[0][0]) == (CLASSES, "17")
    assert f"of {many} that are found worst" in shown.text[1]


def _shown(data, answers):
    return section(data, answers, score(data, "test", answers))
