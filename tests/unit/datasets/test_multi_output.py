"""Rows with several outputs: a dict of targets becomes one matrix, and each is seen alone again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits

from search_spaces import Outputs, SpaceError, catalog
from tuner.cli import main
from tuner.datasets import (
    DataError,
    DataSpec,
    array_store,
    cache,
    describe,
    load,
    load_shared,
    multi_output,
)
from tuner.datasets.cache_folder import FOLDER_VARIABLE
from tuner.datasets.dataset_profile import profile_dataset

DIGITS = load_digits()
INK = DIGITS.data.mean(axis=1)
HALVES = np.stack([DIGITS.data[:, :32].sum(axis=1), DIGITS.data[:, 32:].sum(axis=1)], axis=1)
FUNCTION = """
import numpy as np
from sklearn.datasets import load_digits

def load():
    found = load_digits()
    x, y = found.data, found.target
    return x, {
        "word": np.array(["even", "odd"])[y % 2],
        "digit": y,
        "ink": x.mean(axis=1),
        "halves": np.stack([x[:, :32].sum(axis=1), x[:, 32:].sum(axis=1)], axis=1),
        "marks": np.stack([y > 4, y % 3 == 0, y == 7], axis=1),
    }
"""


@pytest.fixture
def source(tmp_path) -> str:
    """A function that returns targets of every task."""
    (tmp_path / "data.py").write_text(FUNCTION)
    return f"{tmp_path / 'data.py'}:load"


def returning(folder, y: str) -> str:
    """A function that returns these targets for the digits."""
    text = f"    found = load_digits()\n    return found.data, {y}\n"
    start = "import numpy as np\nfrom sklearn.datasets import load_digits\n\ndef load():\n"
    (folder / "other.py").write_text(start + text)
    return f"{folder / 'other.py'}:load"


def test_each_output_has_the_task_of_its_targets(source):
    """The whole has the task several, and units and columns that add up."""
    data = load(DataSpec(source=source))
    assert {name: head.task for name, head in data.heads.items()} == {
        "digit": "classes", "halves": "regression", "ink": "regression", "marks": "labels",
        "word": "binary",
    }  # fmt: skip
    assert (data.outputs.task, data.outputs.units, data.outputs.columns) == ("several", 17, 8)
    assert data.outputs.heads["digit"] == Outputs.for_task("classes", 10)
    assert (data.classes, data.targets, data.target_unit) == (None, None, None)


def test_targets_lie_side_by_side_each_encoded_and_scaled_by_itself(source):
    """Classes by position, numbers by their mean and spread in the training part."""
    data = load(DataSpec(source=source))
    assert data.train.y.dtype == np.float32
    assert data.train.y.shape == (len(data.train), 8)
    rows = data.selections["train"].indices
    digit, halves, ink, marks, word = np.split(data.train.y, [1, 3, 4, 7], axis=1)
    np.testing.assert_array_equal(digit[:, 0], DIGITS.target[rows])
    np.testing.assert_array_equal(word[:, 0], DIGITS.target[rows] % 2)
    np.testing.assert_array_equal(marks[:, 2], DIGITS.target[rows] == 7)
    for scaled, raw in ((halves, HALVES[rows]), (ink[:, 0], INK[rows])):
        expected = (raw - raw.mean(axis=0)) / raw.std(axis=0)
        np.testing.assert_allclose(scaled, expected, atol=1e-4)


def test_an_output_is_seen_as_if_it_were_the_only_one(source, tmp_path):
    """Targets, classes, names and scaling are those of data that have no other output."""
    data = load(DataSpec(source=source))
    rows = data.selections["test"].indices
    seen = multi_output.every(data)
    assert seen["word"].classes == ("even", "odd")
    assert seen["marks"].targets == ("0", "1", "2")
    assert seen["digit"].test.y.dtype == np.int32
    np.testing.assert_array_equal(seen["digit"].test.y, DIGITS.target[rows])
    np.testing.assert_array_equal(seen["digit"].raw_targets("test"), DIGITS.target[rows])
    assert seen["halves"].test.y.shape == (len(rows), 2)
    assert seen["ink"].test.y.shape == (len(rows),)
    for name, raw in (("ink", INK), ("halves", HALVES)):
        scaler = seen[name].target_scaler
        np.testing.assert_allclose(scaler.transform(raw[rows]), seen[name].test.y, atol=1e-6)
    assert seen["ink"].target_unit == "unit of the targets"
    assert "standard deviations" in seen["halves"].target_unit  # two have no unit together
    assert seen["digit"].target_scaler is None


def test_the_task_of_an_output_may_be_given(source):
    """Such as of few whole numbers that measure something; it belongs to the data's identity."""
    found, given = load(DataSpec(source=source)), DataSpec(source=source, task="digit=regression")
    data = load(given)
    assert data.heads["digit"].task == "regression"
    assert data.heads["word"].task == "binary"
    assert multi_output.one(data, "digit").train.y.mean() == pytest.approx(0, abs=1e-4)
    assert data.fingerprint != found.fingerprint
    with pytest.raises(DataError, match="leave the name out"):
        load(DataSpec(source="digits", task="digit=regression"))


def test_every_part_has_its_share_of_each_class_and_label(source):
    """Within one percent of the rows."""
    data = load(DataSpec(source=source))
    for part in (data.train, data.validation, data.test):
        counts = np.bincount(part.y[:, 0].astype(int), minlength=10) / len(part)
        np.testing.assert_allclose(counts, np.bincount(DIGITS.target) / 1797, atol=0.01)


def test_targets_are_not_scaled_where_nothing_is(source, tmp_path):
    """With scaling none they stay in their unit."""
    data = load(DataSpec(source=source, scaling="none"))
    assert data.target_scaler is None
    rows = data.selections["test"].indices
    np.testing.assert_allclose(data.test.y[:, 3], INK[rows], rtol=1e-6)


def test_folds_and_groups_divide_them_as_always(source, tmp_path):
    """Each row validates once, and no group is in two parts."""
    folds = [load(DataSpec(source=source, folds=3, fold=fold)) for fold in range(3)]
    validated = np.concatenate([each.selections["validation"].indices for each in folds])
    assert len(set(validated)) == len(validated) == len(folds[0].train) + len(folds[0].validation)
    text = '{"digit": found.target, "ink": found.data.mean(axis=1)}'
    grouped = returning(tmp_path, text).removesuffix(":load")
    (tmp_path / "other.py").write_text(
        (tmp_path / "other.py").read_text()
        + "\ndef grouped():\n    x, y = load()\n"
        + "    return {'x': x, 'y': y, 'group': np.arange(len(x)) // 10}\n"
    )
    data = load(DataSpec(source=f"{grouped}:grouped"))
    parts = [set(selection.indices // 10) for selection in data.selections.values()]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]


def test_processes_share_them(source, monkeypatch, tmp_path):
    """What is mapped from the cache equals what was loaded, output by output."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "LARGE", 0)
    spec = DataSpec(source=source)
    alone, found = load(spec), load_shared(spec)
    assert isinstance(found.train.x, np.memmap)
    assert found.outputs == alone.outputs
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(found, part).y, getattr(alone, part).y)
    for name, one in multi_output.every(alone).items():
        other = multi_output.one(found, name)
        assert (other.classes, other.targets) == (one.classes, one.targets)
        np.testing.assert_array_equal(other.test.y, one.test.y)
        np.testing.assert_array_equal(other.raw_targets("test"), one.raw_targets("test"))


def test_arrays_in_memory_come_back_from_their_file(tmp_path):
    """With the tasks of both outputs."""
    y = {"digit": DIGITS.target, "ink": INK}
    path = array_store.write((DIGITS.data, y), str(tmp_path))
    data = load(DataSpec(source=str(path)))
    assert {name: head.task for name, head in data.heads.items()} == {
        "digit": "classes", "ink": "regression",
    }  # fmt: skip


def test_the_fingerprint_follows_each_output(tmp_path):
    """Another name or other values of one of them are other data."""
    prints = {
        load(DataSpec(source=returning(tmp_path, text))).fingerprint
        for text in (
            '{"a": found.target, "b": found.data[:, 2]}',
            '{"a": found.target, "c": found.data[:, 2]}',
            '{"a": found.target, "b": found.data[:, 3]}',
        )
    }
    assert len(prints) == 3


def test_they_are_shown_one_after_another(source):
    """In the portrait, on the command line and as JSON."""
    described, portrait = describe(source), profile_dataset(DataSpec(source=source))
    assert (described.task, described.classes) == ("several", None)
    assert portrait.outputs["word"].counts == {"even": 891, "odd": 906}
    assert portrait.outputs["ink"].targets["mean"] == pytest.approx(INK.mean())
    shown = CliRunner().invoke(main, ["datasets", source])
    assert shown.exit_code == 0, shown.output
    assert "several outputs" in shown.output
    assert "Output marks: multilabel" in shown.output
    document = json.loads(CliRunner().invoke(main, ["datasets", source, "--json"]).stdout)
    assert document["outputs"]["marks"]["counts"]["2"] == 179


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ('{"a": found.target}', "expected 2 outputs or more in a dict as y. Received: a"),
        ("{}", "Received: none"),
        ('{"a": found.target, "b/c": found.target}', "without a slash"),
        ('{"a": found.target, "val": found.target}', "do not begin with val or test"),
        ('{"a": found.target, 1: found.target}', "Received: 1: rename it"),
        ('{"a": found.target, "b": found.target[:9]}', "1797 in y['a'], 9 in y['b']"),
        ('{"a": found.target, "b": found.images}', "expected y['b'] of shape (rows,)"),
        ('{"a": found.target, "b": found.target * 0}', "(y['b']): expected at least two different"),
        ('{"a": found.target, "b": 1 / np.zeros(1797)}', "up to 1e+18 in y['b']"),
        ('{"a": found.target, "b": np.array([None] * 1797)}', "1797 missing in y['b']"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(tmp_path, y, message):
    """Fewer than two outputs, names that cannot be typed, targets that do not fit."""
    with np.errstate(divide="ignore"), pytest.raises(DataError) as caught:
        load(DataSpec(source=returning(tmp_path, y)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_that_no_training_row_has_is_refused(tmp_path):
    """The output and the class are named."""
    (tmp_path / "given.py").write_text(
        "import numpy as np\n\ndef load():\n"
        "    x, n = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 3\n"
        "    train, test = n < 2, n == 2\n"
        "    return ((x[train], {'a': n[train], 'b': x[train, 0]}),\n"
        "            (x[test], {'a': n[test], 'b': x[test, 0]}))\n"
    )
    with pytest.raises(DataError, match=r"every class of y\['a'\].*Received: class 2 in other"):
        load(DataSpec(source=f"{tmp_path / 'given.py'}:load"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "regression"}, "such as digit=regression. Received: regression: name the output"),
        ({"task": "thumb=regression"}, "one of the outputs digit, halves, ink"),
        ({"task": "digit=regresion"}, "Received: 'regresion'. Did you mean 'regression'"),
        ({"task": "word=regression"}, r"\(y\['word'\]\): expected numbers as targets of a reg"),
        ({"class_weights": "balanced"}, "such as digit=balanced or digit:LABEL=5"),
        ({"class_weights": "ink=balanced"}, "leave --class-weights out"),
    ],
)
def test_options_of_a_single_output_are_refused(source, options, message):
    """Each wants to be told for which output it is meant."""
    with pytest.raises(DataError, match=message):
        load(DataSpec(source=source, **options))


@pytest.mark.parametrize("family", ["mlp", "lvq", "hopfield"])
def test_families_refuse_them(source, family):
    """Those that end in one output list what they received."""
    data = load(DataSpec(source=source))
    with pytest.raises(SpaceError, match=r"Received: the outputs digit \(10,\), halves \(2,\)"):
        catalog.load(family).check(data.inputs, data.outputs)


def test_a_space_that_learns_the_rows_does_without_them(source):
    """An autoencoder's targets are the rows."""
    data = load(DataSpec(source=source, learns="rows"))
    assert (data.outputs.task, data.heads) == ("regression", None)
    catalog.load("autoencoder").check(data.inputs, data.outputs)
