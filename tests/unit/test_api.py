"""The Python API, as far as nothing is trained."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tuner
from storage.database.engine import open_store
from storage.errors import StoreError
from storage.studies import load
from tests.support.sources import ROOT
from tests.support.trials import begin, complete, enter, fail
from tuner.api.data_frame_files import as_rows
from tuner.datasets import DataError
from tuner.datasets.columns.column_kinds import check_numeric
from tuner.errors import UserError
from tuner.studies.study_spec import StudySpec

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.array(["yes", "no", "yes"] * 20, dtype=object)  # as a column of pandas holds text


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUNER_STORAGE", raising=False)
    return tmp_path


def test_importing_costs_nothing():
    """Nothing but the package itself, until something is asked for."""
    code = (
        "import sys; before = set(sys.modules); import tuner; dir(tuner);"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert "tuner.api" not in done.stdout
    assert not imported - {"tuner", *sys.stdlib_module_names}
    with pytest.raises(AttributeError, match="lunch"):
        tuner.lunch  # noqa: B018


def test_arrays_are_written_once(folder: Path):
    """Equal arrays are the same study; the file is a source like any other."""
    studies = [tuner.launch("mlp", data=(X, Y), workers=0, quiet=True) for _ in range(2)]
    (file,) = (folder / "tuner-artifacts" / "data").iterdir()
    assert {study.name for study in studies} == {f"mlp-{file.stem}"}
    with closing(open_store("sqlite:///tuner.db", create=False)) as store:
        spec = StudySpec.from_dict(load(store, studies[0].name).spec)
    assert spec.data.source == str(file)
    other = tuner.launch("mlp", data={"x": X + 1, "y": Y}, workers=0, quiet=True)
    assert other.name != studies[0].name


def test_a_data_frame_is_taken_as_its_file_would_be(folder: Path):
    """What was found of it stands in the study; text that looks like numbers stays text."""
    frame = pd.DataFrame({"size": [*X[:59, 0], np.nan], "code": ["01", "02"] * 30, "y": Y})
    options = {"target": "y", "workers": 0, "quiet": True}
    with pytest.warns(UserWarning, match="missing values are imputed"):
        studies = [tuner.launch("mlp", data=frame, **options) for _ in range(2)]
    with closing(open_store("sqlite:///tuner.db", create=False)) as store:
        spec = StudySpec.from_dict(load(store, studies[0].name).spec).data
    assert (spec.impute, spec.categories, spec.separator) == (True, ("code",), ",")
    with pytest.raises(UserError, match="add --impute yes"):
        tuner.launch("mlp", data=frame, impute=False, study="strict", **options)


def test_parts_that_are_given(folder: Path):
    """As Keras's own data sets come."""
    keras_like = ((X, Y), (X[:30], Y[:30]))
    study = tuner.launch("mlp", data=keras_like, workers=0, quiet=True, study="parts")
    assert study.status()["trials"]["unstarted"] == 20
    (file,) = (folder / "tuner-artifacts" / "data").iterdir()
    assert set(np.load(file)) == {"x_train", "y_train", "x_test", "y_test"}


def test_options_are_those_of_the_command_line(folder: Path):
    """By their names with underscores, with values as Python has them."""
    study = tuner.launch(
        "mlp",
        data="iris",
        trials=7,
        workers=0,
        quiet=True,
        study="mine",
        set={"units": [16, 32], "activation": "relu", "dropout": 0.2},
        trial_timeout="1m",
        synchronous_reports=True,
        target_loss=None,
    )
    with closing(open_store("sqlite:///tuner.db", create=False)) as store:
        found = load(store, "mine")
    spec = StudySpec.from_dict(found.spec)
    assert (study.name, found.budget) == ("mine", 7)
    assert spec.overrides == ("units=16,32", "activation=relu", "dropout=0.2")
    assert (spec.trial_timeout, spec.synchronous_reports) == (60.0, True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"trails": 5}, "--trails"),
        ({"trials": 0}, "--trials"),
        ({"sampler": "random2"}, "Did you mean 'random'"),
        ({"data": (X, Y[:5])}, "60 rows in x and 5 targets"),
        ({"data": 5}, r"\(x, y\)"),
        ({"data": (X, Y), "artifacts": "memory://models"}, "memory://models"),
    ],
)
def test_mistakes_are_one_line(folder: Path, options: dict[str, object], told: str):
    """In the words of the command line."""
    with pytest.raises(UserError, match=told) as raised:
        tuner.launch("mlp", **{"data": "iris", "workers": 0, "quiet": True, **options})
    assert "\n" not in str(raised.value)


def test_no_such_study(folder: Path):
    """It is the store's error."""
    with pytest.raises(StoreError):
        tuner.load("absent")


def test_what_a_study_shows(folder: Path):
    """A data frame, a line, and HTML in which nothing of a user's is markup."""
    study = tuner.launch("mlp", data="iris", workers=0, quiet=True, study="a<b>")
    assert (study.best, len(study.trials)) == (None, 0)
    with pytest.raises(UserError, match="complete trial"):
        study.export("model.keras")
    with closing(open_store("sqlite:///tuner.db", create=False)) as store:
        found = load(store, "a<b>")
        enter(store, found)
        complete(store, begin(store, found, units_0=64), [0.5, 0.25, 0.75])
        fail(store, begin(store, found))
    study = tuner.load("a<b>")
    assert study.best is not None
    assert study.best.value == 0.25
    trials = study.trials
    assert list(trials.index) == [0, 1]
    assert trials.loc[0, ["state", "value", "epochs", "params_units_0"]].tolist() == [
        "complete", 0.25, 3, 64,
    ]  # fmt: skip
    assert trials.loc[1, "failure"] == "boom"
    assert study.learning_curve().val_loss.tolist() == [0.5, 0.25, 0.75]
    assert "1 complete, 1 failed; best trial 0, 0.25" in repr(study)
    assert "<b>" not in study._repr_html_()
    assert "units_0" in study._repr_html_()


def test_what_a_command_refuses_is_refused_in_its_words(folder: Path):
    """Without its traceback, and before anything is trained."""
    study = tuner.launch("mlp", data="iris", trials=2, workers=0, quiet=True)
    Path("there.keras").write_text("mine")
    with pytest.raises(UserError, match=r"^Expected .*there\.keras.*force"):
        study.refit("there.keras")
    with pytest.raises(UserError, match=r"^Expected a study with 2 complete trials or more"):
        study.ensemble("mean.keras", top=3)
    with pytest.raises(UserError, match=r"^Expected a study with a complete trial"):
        study.evaluate()
    with pytest.raises(UserError, match=r"^Expected the number of a trial"):
        study.rerun(0, output="again.keras", threads=1)


@pytest.mark.parametrize(
    "about", [{"columns": ["a", "b"]}, {"kinds": {"a": "number", "x": "text"}}]
)
def test_columns_in_a_dict_are_asked_for_as_a_data_frame(folder: Path, about: dict[str, object]):
    """Not by the name of a file that nobody has written."""
    (folder / "model.json").write_text(json.dumps({"data": about}))
    with pytest.raises(DataError) as caught:
        as_rows({"a": [1.0], "x" if "kinds" in about else "b": [2.0]}, folder / "model.keras")
    assert "make a pandas.DataFrame of it" in str(caught.value)
    assert str(folder) not in str(caught.value)


def test_numbers_that_are_text_are_quoted_as_they_are():
    """The word in the message stands in the data."""
    with pytest.raises(DataError, match=r"text such as '6' in column 'npreg'.*to_numeric"):
        check_numeric(pd.Series(["6", "7"], name="npreg"), "rows")
