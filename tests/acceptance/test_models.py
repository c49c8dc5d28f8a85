"""What becomes of a finished study's models, in real processes: one study serves all tests."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support import warm
from tests.support.sources import ROOT
from tests.support.terminal import Terminal
from tuner.api import Study, load

pytestmark = [pytest.mark.keras, pytest.mark.slow]

STUDY = "mlp-flowers"
LAUNCH = (
    "launch", "mlp", "--data", "flowers.csv", "--target", "species", "--trials", "8",
    "--workers", "1", "--pruner", "asha", "--set", "epochs=8", "--keep", "2",
)  # fmt: skip

# A stranger to the project: whatever of ours is asked for is refused, installed or not.
SCORE = """
import json, sys

OURS = ("tuner", "search_spaces", "storage")


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in OURS:
            raise ImportError(f"{name} is not for strangers")


for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
    del sys.modules[name]  # where the process is warm
sys.meta_path.insert(0, Refuse())
import keras, numpy

keras.saving.get_custom_objects().clear()

model = keras.saving.load_model(sys.argv[1])
rows = numpy.loadtxt(sys.argv[2], delimiter=",", skiprows=1, usecols=range(4))
print(json.dumps(model.predict(rows, verbose=0).tolist()))
"""


# Two spaces of a user's own; layers with random seeds, that print.
NET = """
import keras
from search_spaces import Choice, SearchSpace


class Net(SearchSpace):
    width = Choice([8, 16])

    def build(self, hyperparameters, inputs, outputs):
        print("user code may print")
        x = keras.Input(inputs.shape)
        hidden = keras.layers.Dense(hyperparameters["width"], "relu")(x)
        hidden = keras.layers.Dropout(0.2)(hidden)
        return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(hidden))


def build(trial, inputs, outputs):
    x = keras.Input(inputs.shape)
    hidden = keras.layers.Dense(trial.suggest_int("width", 8, 32, log=True))(x)
    hidden = keras.layers.GaussianNoise(trial.suggest_float("noise", 0.01, 0.1))(hidden)
    hidden = keras.layers.LeakyReLU()(hidden)
    return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(hidden))
"""


@pytest.fixture(scope="module")
def tuner(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A folder with a finished study on flowers, named columns and named classes."""
    from sklearn.datasets import load_iris

    folder = tmp_path_factory.mktemp("models")
    flowers = load_iris(as_frame=True)
    table = flowers.data.assign(species=flowers.target_names[flowers.target])
    table.to_csv(folder / "flowers.csv", index=False)
    tuner = Terminal(folder)
    ended = tuner(*LAUNCH)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return tuner


@pytest.fixture(scope="module")
def trials(tuner: Terminal) -> list[dict[str, Any]]:
    """The study's trials as JSON."""
    listed: list[dict[str, Any]] = tuner.json("trials", STUDY)
    return listed


@pytest.fixture(scope="module")
def exported(tuner: Terminal) -> Path:
    """The best model, exported."""
    ended = tuner("export", STUDY, "model.keras")
    assert ended.returncode == 0, ended.stderr
    return tuner.folder / "model.keras"


@pytest.fixture(scope="module")
def flowers(tuner: Terminal) -> pd.DataFrame:
    """The rows of the study's data, with their target."""
    return pd.read_csv(tuner.folder / "flowers.csv")


def answers_of(model: Path, rows: Path, *, option: str = "-P") -> list[list[float]]:
    """What a process that cannot import this project gets from a model.

    Args:
        option: Of Python; with ``-I`` the process is a fresh one.
    """
    scored = warm.run(
        [sys.executable, option, "-c", SCORE, str(model), str(rows)], cwd=model.parent, text=True
    )
    assert scored.returncode == 0, scored.stderr
    answers: list[list[float]] = json.loads(scored.stdout.splitlines()[-1])
    return answers


def loaded(tuner: Terminal, study: str) -> Study:
    """A study as Python has it."""
    return load(study, storage=f"sqlite:///{(tuner.folder / 'tuner.db').as_posix()}")


def refused(tuner: Terminal, *words: str) -> str:
    """The one line that a command answers with."""
    ended = tuner(*words)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


def test_an_exported_model_needs_nothing_of_ours(
    tuner: Terminal, exported: Path, flowers: pd.DataFrame
):
    """Plain Keras loads it and takes raw rows; the card says what the answers mean."""
    card = json.loads(exported.with_suffix(".json").read_text())
    answers = pd.DataFrame(answers_of(exported, tuner.folder / "flowers.csv", option="-I"))
    answers.columns = card["data"]["classes"]
    assert (answers.idxmax(axis=1) == flowers.species).mean() > 0.8


def test_a_card_says_it_all(tuner: Terminal, exported: Path, flowers: pd.DataFrame):
    """Hyperparameters, metrics, data, versions, seed, definition, time, curve, way of training."""
    card = json.loads(exported.with_suffix(".json").read_text())
    best = tuner.json("best", STUDY)
    assert (card["kind"], card["trial"]) == ("trial", best["number"])
    assert (card["hyperparameters"], card["seed"]) == (best["params"], best["seed"])
    assert card["objective"]["value"] == best["value"]
    assert card["metrics"]["validation"]["loss"] == best["value"]
    assert card["metrics"]["test"]["accuracy"] == best["metrics"]["test_accuracy"]
    assert card["data"]["columns"] == list(flowers.columns[:-1])
    assert card["data"]["classes"] == ["setosa", "versicolor", "virginica"]
    assert sum(card["data"]["rows"].values()) == len(flowers)
    assert {"python", "keras", "tensorflow", "numpy", "keras_trial_tuner"} <= set(card["versions"])
    assert card["definition"]["overrides"] == ["epochs=8"]
    assert len(card["learning_curve"]) == best["epochs"]
    assert card["seconds"] > 0
    assert card["path"]


def test_a_model_that_was_removed(tuner: Terminal, trials: list[dict[str, Any]], tmp_path: Path):
    """It is told on one line how to get it back."""
    kept = next(t for t in trials[::-1] if t["model"] is not None)
    path, aside = Path(kept["model"]), tmp_path / "aside"
    path.rename(aside)
    try:
        number = str(kept["number"])
        told = refused(tuner, "export", STUDY, str(tmp_path / "m.keras"), "--trial", number)
    finally:
        aside.rename(path)
    assert f"tuner rerun {STUDY} {number} --output" in told
    assert not (tmp_path / "m.keras").exists()


def test_the_best_model_is_told_to_be_damaged(tuner: Terminal, trials: list[dict[str, Any]]):
    """Where its path is shown, with what can be used in its place; the trial is shown as ever."""
    whole = tuner("best", STUDY)
    assert (whole.returncode, whole.stderr) == (0, "")
    best = tuner.json("best", STUDY)
    path = Path(best["model"])
    content = path.read_bytes()
    path.write_bytes(content[:-100] + bytes(100))
    try:
        damaged = tuner("best", STUDY)
    finally:
        path.write_bytes(content)
    assert (damaged.returncode, damaged.stdout) == (0, whole.stdout)
    assert f"{path.name}, which is damaged: the next best is trial " in damaged.stderr


@pytest.mark.parametrize("state", ["complete", "pruned"])
def test_a_trial_comes_out_the_same(
    tuner: Terminal, trials: list[dict[str, Any]], state: str, tmp_path: Path
):
    """From the store alone, bit for bit; a pruned one ends where it was pruned."""
    trial = next(t for t in trials if t["state"] == state)
    output = tmp_path / "again.keras"
    words = ("rerun", STUDY, str(trial["number"]), "--output", str(output))
    again = tuner.json(*words)
    assert (again["same"], again["identical"], again["difference"]) == (True, True, 0.0)
    assert (again["epochs"], again["value"]) == (trial["epochs"], trial["value"])
    card = json.loads(output.with_suffix(".json").read_text())
    assert card["metrics"]["validation"]["loss"] == trial["value"]
    assert len(answers_of(output, tuner.folder / "flowers.csv")) == 150


@pytest.mark.parametrize("space", ["Net", "build"])
def test_trials_of_users_spaces_come_out_the_same(tuner: Terminal, space: str):
    """A class and a function, with layers that draw random numbers."""
    file = tuner.folder / f"{space}_net.py"
    file.write_text(NET)
    study = tuner.json(
        "launch", f"{file.name}:{space}", "--data", "wine", "--study", space, "--trials", "2",
        "--workers", "1", "--set", "epochs=2",
    )  # fmt: skip
    assert study["trials"]["complete"] == 2
    assert loaded(tuner, space).rerun(1)["identical"] is True


# Small points of families that draw random numbers, each in a way of its own.
FAMILIES = {
    "cnn": ((8, 8), ("filters=2..4", "units=4", "shift=0,0.1")),
    "stacked-autoencoder": ((9,), ("units=4", "noise=masking", "pretraining=1")),
    "gan": ((9,), ("units=4", "opponent_units=4", "opponent_dropout=0.2")),
}
# One process for all of them: TensorFlow takes longer than the trials.
RERUN = """
import sys
from tuner.cli import main

for study in sys.argv[1:]:
    try:
        main(["rerun", study, "1", "--json"])
    except SystemExit as ended:
        assert not ended.code, study
"""


def test_trials_that_draw_random_numbers_come_out_the_same(tmp_path: Path):
    """Augmentation, recurrent states, noise, chains: all that is random is drawn again."""
    tuner, rng = Terminal(tmp_path), np.random.default_rng(0)
    for family, (shape, point) in FAMILIES.items():
        x = rng.normal(size=(90, *shape))
        np.savez(tmp_path / f"{family}.npz", x=x, y=x.reshape(90, -1).sum(axis=1) > 0)
        study = tuner.json(
            "launch", family, "--data", f"{family}.npz", "--study", family, "--trials", "2",
            "--workers", "1", "--pruner", "none",
            *(word for setting in ("epochs=2", *point) for word in ("--set", setting)),
        )  # fmt: skip
        assert study["trials"]["complete"] == 2
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = warm.run(
        [sys.executable, "-P", "-c", RERUN, *FAMILIES], cwd=tmp_path, env=environment, text=True
    )
    assert done.returncode == 0, done.stderr
    decoder, rest = json.JSONDecoder(), done.stdout
    for family in FAMILIES:
        again, end = decoder.raw_decode(rest.lstrip())
        rest = rest.lstrip()[end:]
        assert (again["identical"], again["epochs"]) == (True, 2), (family, again)


def test_a_saved_model_is_scored_on_raw_rows(tuner: Terminal):
    """Its loss is the one that the worker measured on scaled rows."""
    best = tuner.json("best", STUDY)
    scores = tuner.json("evaluate", STUDY)
    assert scores == loaded(tuner, STUDY).evaluate()
    assert (scores["trial"], scores["rows"]) == (best["number"], 30)
    assert scores["accuracy"] == pytest.approx(best["metrics"]["test_accuracy"], abs=1e-6)
    assert scores["loss"] == pytest.approx(best["metrics"]["test_loss"], abs=1e-5)
    penalty = scores["loss"] - scores.get("log_loss", scores["loss"])  # of the weights
    assert penalty >= 0
    assert bool(penalty) == ("a penalty of the weights" in tuner("evaluate", STUDY).stdout)
    assert [row["class"] for row in scores["classes"]] == ["setosa", "versicolor", "virginica"]
    assert sum(map(sum, scores["confusion"])) == 30


def test_predictions_for_rows(
    tuner: Terminal, exported: Path, flowers: pd.DataFrame, tmp_path: Path
):
    """Columns in any order, with the target or without; labels and probabilities come out."""
    rows, output = tmp_path / "rows.csv", tmp_path / "out.csv"
    flowers[flowers.columns[::-1]].to_csv(rows, index=False)
    ended = tuner("predict", str(exported), str(rows), "--output", str(output))
    assert (ended.returncode, ended.stderr) == (0, "")
    predicted = pd.read_csv(output)
    assert list(predicted.columns[1:]) == ["p(setosa)", "p(versicolor)", "p(virginica)"]
    answers = answers_of(exported, tuner.folder / "flowers.csv")
    assert predicted.iloc[:, 1:].to_numpy() == pytest.approx(
        pd.DataFrame(answers).to_numpy(), abs=1e-6
    )
    assert (predicted.prediction == flowers.species).mean() > 0.8
    for given in (flowers, flowers.iloc[:, :4].to_numpy()):  # from Python: the same
        from_python = loaded(tuner, STUDY).predict(given)
        assert from_python.prediction.tolist() == predicted.prediction.tolist()


def test_a_model_trained_on_more_rows(tuner: Terminal, trials: list[dict[str, Any]]):
    """Training and validation rows, for as many epochs as were best; the test part tells."""
    card = loaded(tuner, STUDY).refit(tuner.folder / "refit.keras")
    best = tuner.json("best", STUDY)
    assert (card["kind"], card["trial"]) == ("refit", best["number"])
    assert card["data"]["rows"] == {"train": 120, "test": 30}
    assert card["epochs"] == len(card["learning_curve"]) == best["best_epoch"]
    assert not [name for name in card["learning_curve"][0] if name.startswith("val_")]
    assert card["metrics_before"]["test"]["loss"] == best["metrics"]["test_loss"]
    assert card["metrics"]["test"]["loss"] != best["metrics"]["test_loss"]
    assert len(answers_of(tuner.folder / "refit.keras", tuner.folder / "flowers.csv")) == 150


def test_the_average_of_the_best_models(tuner: Terminal, trials: list[dict[str, Any]]):
    """One file, from a model that was kept, one that is damaged and one that was not kept."""
    complete = sorted((t for t in trials if t["state"] == "complete"), key=lambda t: t["value"])
    assert complete[2]["model"] is None
    damaged = Path(complete[1]["model"])
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-100] + bytes(100))
    try:
        ended = tuner("ensemble", STUDY, "--top", "3", "--output", "mean.keras")
    finally:
        damaged.write_bytes(whole)
    assert f"{damaged.name}, which is damaged" in ended.stderr
    assert f"Trial {complete[1]['number']} is trained again" in ended.stderr
    assert ended.returncode == 0, ended.stderr
    assert f"Trial {complete[2]['number']} is trained again" in ended.stderr
    assert "tf.function" not in ended.stderr  # no warnings of TensorFlow that it traces again
    card = json.loads((tuner.folder / "mean.json").read_text())
    members = card["members"]
    assert [member["trial"] for member in members] == [t["number"] for t in complete[:3]]
    lowest = min(member["metrics"]["validation"]["loss"] for member in members)
    helps = card["metrics"]["validation"]["loss"] < lowest
    assert ("Averaging helps" in ended.stdout) == helps
    assert ("Averaging does not help" in ended.stdout) != helps
    table = tuner.folder / "flowers.csv"
    number = str(members[0]["trial"])
    assert tuner("export", STUDY, "one.keras", "--trial", number).returncode == 0
    one, mean = (
        answers_of(tuner.folder / "one.keras", table),
        answers_of(tuner.folder / "mean.keras", table),
    )
    assert pd.DataFrame(mean).sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert pd.DataFrame(mean).to_numpy() != pytest.approx(pd.DataFrame(one).to_numpy())
