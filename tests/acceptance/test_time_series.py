"""A time series from a table to forecasts: windows searched, exported, refitted and reported."""

from __future__ import annotations

import json

import keras
import numpy as np
import pandas as pd
import pytest

import tuner as package
from tests.support.terminal import Terminal
from tuner import formatting
from tuner.datasets import DataSpec, load
from tuner.models.baselines import baselines

pytestmark = [pytest.mark.keras, pytest.mark.slow]

DATA = ("--data", "level.csv", "--target", "level", "--window", "6", "--horizon", "2")
SMALL = ("--workers", "1", "--set", "epochs=2", "--set", "units=4", "--set", "layers=1")
LAUNCH = ("launch", "rnn", *DATA, *SMALL)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """A level that rises and falls, a flow, and the day, of 200 days."""
    rows = np.arange(200)
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=200),
            "level": 50 + 10 * np.sin(rows / 5) + random.normal(size=200),
            "flow": random.normal(1000, 100, 200),
        }
    )


@pytest.fixture(scope="module")
def tuner(tmp_path_factory: pytest.TempPathFactory, frame: pd.DataFrame) -> Terminal:
    folder = tmp_path_factory.mktemp("series")
    frame.to_csv(folder / "level.csv", index=False)
    terminal = Terminal(folder)
    options = ("--trials", "3", "--sampler", "random", "--keep", "3", "--set", "window=4,9")
    ended = terminal(*LAUNCH, *options, "--study", "s")
    assert ended.returncode == 0, ended.stderr
    assert "of 2 columns, that predict the next 2 rows" in ended.stdout
    return terminal


def windows_of_the_test_part(frame: pd.DataFrame, length: int) -> tuple[np.ndarray, np.ndarray]:
    """By a loop over the last 40 days: each window ends where one of 9 days would, too."""
    columns, level = frame[["level", "flow"]].to_numpy(), frame["level"].to_numpy()
    ends = range(160 + 9 - 1, 200 - 2)
    x = np.stack([columns[end - length + 1 : end + 1] for end in ends])
    return x, np.stack([level[end + 1 : end + 3] for end in ends])


def test_the_exported_model_forecasts_from_raw_rows(tuner: Terminal, frame: pd.DataFrame) -> None:
    """Its errors are those that `evaluate` tells; `predict` takes the last rows of a table."""
    best = tuner.json("best", "s")
    length = best["params"]["window"]
    path = tuner.folder / "model.keras"
    assert tuner("export", "s", str(path)).returncode == 0
    model = keras.saving.load_model(path)
    assert model.input_shape == (None, length, 2)
    x, y = windows_of_the_test_part(frame, length)
    errors = model.predict(x.astype(np.float32), verbose=0) - y
    scores = tuner.json("evaluate", "s")
    assert scores["rows"] == len(x)
    assert scores["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-4)
    each = {one["target"]: one["rmse"] for one in scores["targets"]}
    assert each["level+2"] == pytest.approx(np.sqrt(np.mean(errors[:, 1] ** 2)), rel=1e-4)

    (answer,) = tuner.json("predict", str(path), "level.csv")
    last = frame[["level", "flow"]].to_numpy(np.float32)[None, -length:]
    assert list(answer) == ["prediction_level+1", "prediction_level+2"]
    np.testing.assert_allclose(list(answer.values()), model.predict(last, verbose=0)[0], rtol=1e-4)
    frame[::-1].to_csv(tuner.folder / "newest-first.csv", index=False)
    assert tuner.json("predict", str(path), "newest-first.csv") == [answer]
    frame[:3].to_csv(tuner.folder / "few.csv", index=False)
    refused = tuner("predict", str(path), "few.csv")
    assert refused.returncode == 2
    assert f"expected {length} rows or more, the window of the model" in refused.stderr


def test_windows_and_tables_in_memory(tuner: Terminal, frame: pd.DataFrame) -> None:
    """Several windows are answered one by one; of a table or its values the last rows are one."""
    study = package.load("s", storage=f"sqlite:///{tuner.folder / 'tuner.db'}")
    x, _ = windows_of_the_test_part(frame, tuner.json("best", "s")["params"]["window"])
    each = study.predict(x)
    assert len(each) == len(x)
    until = frame[: 200 - 2]  # where the last window of the test part ends
    for rows in (until, until[["level", "flow"]].to_numpy()):
        np.testing.assert_allclose(study.predict(rows), each[-1:], rtol=1e-5)


def test_all_windows_are_compared_on_the_same_days(tuner: Terminal) -> None:
    """Those that the longest one can predict, in every part."""
    rows = set()
    for trial in tuner.json("trials", "s"):
        number = str(trial["number"])
        path = tuner.folder / f"{number}.keras"
        assert tuner("export", "s", str(path), "--trial", number).returncode == 0
        card = json.loads(path.with_suffix(".json").read_text())["data"]
        assert card["shape"] == [trial["params"]["window"], 2]
        rows.add(tuple(card["rows"].values()))
    assert rows == {(120 - 10, 40 - 10, 40 - 10)}


def test_refit_and_report(tuner: Terminal) -> None:
    """The new model has the window of its trial; baselines stand beside the best model's scores."""
    length = tuner.json("best", "s")["params"]["window"]
    assert tuner("refit", "s", "-o", "refit.keras").returncode == 0
    assert keras.saving.load_model(tuner.folder / "refit.keras").input_shape[1] == length
    assert tuner("report", "s", "--output", "report.html").returncode == 0
    page = (tuner.folder / "report.html").read_text()
    for forecast in ("the best model", "the last value", f"ridge regression on {2 * length} lags"):
        assert forecast in page


def test_forward_chaining(tuner: Terminal) -> None:
    """Each trial is the mean of folds that go forward; refit takes all but the test part."""
    options = ("--folds", "2", "--study", "chained", "--trials", "1", "--set", "window=4..9")
    ended = tuner(*LAUNCH, *options)
    assert ended.returncode == 0, ended.stderr
    assert "2 folds, each after its training rows" in ended.stdout
    assert tuner("refit", "chained", "-o", "chained.keras").returncode == 0
    card = json.loads((tuner.folder / "chained.json").read_text())
    third = 160 // 3
    assert card["data"]["rows"]["train"] == (160 - third - 10) + (third - 10)
    # The model is that of the last fold, and so are its card, scores and baselines.
    assert tuner("export", "chained", "last.keras").returncode == 0
    exported = json.loads((tuner.folder / "last.json").read_text())
    assert exported["data"]["rows"]["train"] == 160 - third - 10
    assert tuner.json("evaluate", "chained")["loss"] == pytest.approx(
        exported["metrics"]["test"]["loss"], rel=1e-5
    )
    assert tuner("report", "chained", "--output", "chained.html").returncode == 0
    spec = DataSpec.from_dict(
        {name: card["data"][name] for name in DataSpec(source="digits").to_dict()}
        | {"fold": 1, "columns": ()}
    )
    *_, ridge = baselines(load(spec), "level")
    assert formatting.number(ridge.scores["mae"]) in (tuner.folder / "chained.html").read_text()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--horizon", "0"), "0 is not in the range x>=1"),
        (("--set", "window=9..60"), "expected 60 + 2 rows without a gap in each part"),
        (
            ("--set", "window=0..9"),
            "window=0..9: Expected a whole number at least 1. Received: '0'.\n",
        ),
        (("--columns", "depth"), "expected --columns to be columns of the table"),
        (("--weights", "flow"), "Expected --weights without --window only"),
    ],
)
def test_what_cannot_be_is_one_line(tuner: Terminal, words: tuple[str, ...], line: str) -> None:
    """Exit 2 before anything is made."""
    ended = tuner(*LAUNCH, "--study", "none", *words)
    assert ended.returncode == 2
    assert line in ended.stderr
    assert len(ended.stderr.splitlines()) <= 3


@pytest.mark.parametrize("family", ["mlp", "cnn1d"])
def test_other_families_take_windows(tuner: Terminal, family: str) -> None:
    """Dense and convolutional networks, without a search of the length."""
    options = ("--trials", "1", "--workers", "1", "--set", "epochs=1", "--study", family)
    ended = tuner("launch", family, *DATA, *options)
    assert ended.returncode == 0, ended.stderr
    assert tuner.json("best", family)["params"]["window"] == 6
