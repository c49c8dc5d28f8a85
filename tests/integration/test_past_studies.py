"""``launch --like``: past trials of KerasTuner and of Optuna are read, shown, and tried first."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from search_spaces.families.mlp import MLP
from search_spaces.parameters.choices import Choice
from storage import studies, trial_actions, trials
from storage.database.engine import open_store
from tests.support.trials import begin, complete, enter
from tests.support.typed import Typed, refused
from tuner.search.suggester import read_past

LAUNCH = ("launch", "mlp", "--data", "digits", "--study", "new", "--workers", "0")


@pytest.fixture
def tuner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Commands, typed in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUNER_STORAGE", raising=False)
    return Typed(tmp_path)


def waiting(folder: Path) -> list[dict[str, Any]]:
    """What the trials of the new study were enqueued with, the first one first."""
    store = open_store(f"sqlite:///{folder / 'tuner.db'}", create=False)
    study = studies.load(store, "new")
    enqueued = [t.system_attrs for t in store.optuna.get_all_trials(study.study_id)]
    assert all(attributes[trial_actions.FROM_PAST] is True for attributes in enqueued)
    store.close()
    return [attributes["fixed_params"] for attributes in enqueued]


def past(objective: Any, url: str, name: str = "past", trials: int = 12) -> None:
    """A study of Optuna's, in a database that Optuna makes."""
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(study_name=name, storage=url, sampler=sampler)
    study.optimize(objective, n_trials=trials, catch=RuntimeError)


def asks(trial: optuna.Trial) -> float:
    units = trial.suggest_int("units_0", 16, 2048)
    trial.suggest_categorical("activation", ["relu", "tanh", "step"])
    trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    if trial.number == 3:
        raise RuntimeError
    return abs(units - 64)


def test_a_study_of_optuna(store_url: str, tuner: Typed):
    """On SQLite and PostgreSQL; the best ones that differ wait, with what lies in the space."""
    past(asks, store_url)
    found = optuna.load_study(study_name="past", storage=store_url)
    done = sorted((t for t in found.trials if t.value is not None), key=lambda t: t.value or 0.0)
    said = tuner(*LAUNCH, "--trials", "12", "--like", f"optuna:{store_url}/past")
    assert said.exit_code == 0, said.stderr
    line = next(line for line in said.stdout.splitlines() if line.startswith("Past: "))
    assert line.startswith("Past: 11 finished of 12 trials of past in ")
    assert f"best val_loss {done[0].value:g} with units_0={done[0].params['units_0']}" in line
    assert "the best 3 are tried first" in line
    outside = sum(t.params["activation"] == "step" for t in done)
    outside += sum(t.params["units_0"] > 512 for t in done)
    assert f"sampled, for they are outside of their range: {outside}; unknown here: lr; " in line
    for point, trial in zip(waiting(tuner.folder), done[:3], strict=True):
        assert point.get("units_0") == (
            trial.params["units_0"] if trial.params["units_0"] <= 512 else None
        )
        assert ("activation" in point) == (trial.params["activation"] != "step")
        assert "lr" not in point
    again = tuner(*LAUNCH, "--like", "kerastuner:gone")  # what is there already takes nothing
    assert again.exit_code == 0, again.stderr
    assert len(waiting(tuner.folder)) == 3


def test_a_database_that_is_read_stays_as_it_is(tuner: Typed):
    """Byte by byte: no journal, no table, no row of ours."""
    past(asks, "sqlite:///old.db", name="a/b")
    file = tuner.folder / "old.db"
    before = file.read_bytes()
    file.chmod(0o400)
    said = tuner(*LAUNCH, "--like", "optuna:sqlite:///old.db/a%2Fb")
    assert said.exit_code == 0, said.stderr
    assert file.read_bytes() == before
    assert not [*tuner.folder.glob("old.db-*")]


def test_a_study_of_ours_has_its_real_hyperparameters(tuner: Typed):
    """Optuna has the indices of ordered lists, such as that of the batch sizes."""
    assert tuner(*LAUNCH[:4], "--study", "old", "--workers", "0").exit_code == 0
    store = open_store("sqlite:///tuner.db", create=False)
    study = studies.load(store, "old")
    enter(store, study)
    complete(store, begin(store, study, batch_size=64, layers=1), [0.25])
    store.close()
    said = tuner(*LAUNCH, "--like", "optuna:sqlite:///tuner.db/old")
    assert said.exit_code == 0, said.stderr
    assert "batch_size=64" in said.stdout
    (point,) = waiting(tuner.folder)
    batch_sizes = MLP().parameters["batch_size"]
    assert isinstance(batch_sizes, Choice)
    index = list(batch_sizes.values).index(64)
    assert point == {"batch_size": index, "layers": 1, "learning_rate": 0.01}


PROJECT = """
import sys
import keras_tuner as kt

class Search(kt.{kind}):
    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        units = hp.Int("units_0", 16, 128)
        hp.Boolean("gate")
        with hp.conditional_scope("gate", [True]):
            hp.Float("dropout", 0, 0.5)
        hp.Choice("activation", ["relu", "step"])
        return {{"val_accuracy": units / 128, "loss": 1.0, "val_loss": 1 - units / 128}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder as the real KerasTuner writes it, that maximizes."""
    kt = pytest.importorskip("keras_tuner")
    folder = tmp_path_factory.mktemp("projects")
    names: dict[str, Any] = {}
    exec(PROJECT.format(kind="RandomSearch"), names)
    search = names["Search"](
        objective=kt.Objective("val_accuracy", "max"), max_trials=8, seed=1,
        directory=folder, project_name="project",
    )  # fmt: skip
    search.search(verbose=0)
    return folder / "project"


def over(tuner: Typed, *words: str, trials: int = 8) -> None:
    """A study of ours whose trials have ended; the later, the lower its loss."""
    said = tuner("launch", "mlp", "--workers", "0", "--trials", str(trials), *words)
    assert said.exit_code == 0, said.stderr
    store = open_store("sqlite:///tuner.db", create=False)
    study = studies.list_studies(store)[-1]
    worker = str(uuid.uuid4())
    enter(store, study, worker)
    for number in range(trials):
        claim = begin(store, study, worker, layers=1, units_0=16 + number)
        complete(store, claim, [1 / (1 + number)])
    store.close()


OLD = ("--data", "digits", "--study", "old")


def test_a_study_begins_with_what_the_store_knows(tuner: Typed):
    """Of the same space on the same rows; it is said, recorded, and changes no more."""
    over(tuner, *OLD)
    said = tuner(*LAUNCH, "--set", "dropout=0.2", "--trials", "12")
    assert said.exit_code == 0, said.stderr
    assert "Past: 8 finished of 8 trials of old, best val_loss 0.125 with " in said.stdout
    assert "; --like none begins without." in said.stdout
    assert [point["units_0"] for point in waiting(tuner.folder)] == [23, 22, 21]
    store = open_store("sqlite:///tuner.db", create=False)
    study = studies.load(store, "new")
    past = read_past(store, study)
    store.close()
    assert study.spec["past"] == ["old"]
    assert past is not None
    assert [point["units_0"] for point in past.points] == list(range(23, 15, -1))
    assert tuner("delete", "old", "--yes").exit_code == 0
    again = tuner(*LAUNCH, "--set", "dropout=0.2")
    assert again.exit_code == 0, again.stderr
    assert "Past:" not in again.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--like", "none"),
        ("--seed", "0"),
        ("--sampler", "auto"),
        ("--data-seed", "1"),
        ("--objective", "loss", "--objective", "parameters"),
        ("--data", "iris"),
    ],
)
def test_a_study_that_begins_with_nothing(tuner: Typed, words: tuple[str, ...]):
    """It compares or repeats, or has other rows or another objective."""
    over(tuner, *OLD)
    said = tuner(*LAUNCH, *words)
    assert said.exit_code == 0, said.stderr
    assert "Past:" not in said.stdout
    assert waiting(tuner.folder) == []


def test_a_past_that_shows_little_or_goes_on_is_left(tuner: Typed):
    """Seven trials are few; of a study that runs, what is taken would depend on the moment."""
    over(tuner, *OLD, trials=7)
    over(tuner, "--data", "digits", "--study", "runs", "--like", "none")
    assert tuner("extend", "runs", "--trials", "+1").exit_code == 0
    said = tuner(*LAUNCH)
    assert said.exit_code == 0, said.stderr
    assert waiting(tuner.folder) == []


def test_a_study_of_the_store_by_its_name(tuner: Typed):
    """Even where it had other rows; and where it is asked for, with a seed."""
    over(tuner, "--data", "iris", "--study", "old")
    said = tuner(*LAUNCH, "--seed", "3", "--trials", "4", "--like", "old")
    assert said.exit_code == 0, said.stderr
    assert [point["units_0"] for point in waiting(tuner.folder)] == [23]
    line = refused(tuner(*LAUNCH[:-4], "--study", "newer", "--like", "none", "--like", "old"))
    assert "Expected --like none or --like auto alone, or past studies." in line
    line = refused(tuner(*LAUNCH[:-4], "--study", "newer", "--like", "olt"))
    assert "Received: 'olt'; the store has the studies 'old'." in line


WARNS = pytest.mark.filterwarnings("ignore:(currentThread|getName)..:DeprecationWarning")


@pytest.mark.keras
@WARNS
def test_a_project_of_keras_tuner(project: Path, tuner: Typed):
    """Its scores give the order; what hp called by the names of our parameters is taken."""
    documents = [json.loads(file.read_text()) for file in project.glob("trial_*/trial.json")]
    best = sorted(documents, key=lambda document: -document["score"])
    said = tuner(
        *LAUNCH, "--trials", "8", "--objective", "accuracy", "--like", f"kerastuner:{project}"
    )
    assert said.exit_code == 0, said.stderr
    assert f"Past: 8 finished of 8 trials of {project}, best val_accuracy" in said.stdout
    assert "unknown here: gate" in said.stdout
    for point, document in zip(waiting(tuner.folder), best, strict=False):
        values = document["hyperparameters"]["values"]
        assert point["units_0"] == values["units_0"]
        assert "dropout" not in point  # of which the family has a list
        assert ("activation" in point) == (values["activation"] == "relu")
    assert len(waiting(tuner.folder)) == 2


HYPER = """
import keras

def build_model(hp):
    units = hp.Int("units_0", 16, 64)
    if hp.Boolean("gate"):
        hp.Float("dropout", 0, 0.5)
    layers = [keras.layers.Dense(units), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((64,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model

class Net:
    def build(self, hp):
        return build_model(hp)
    def fit(self, hp, model, **kwargs):
        return len(hp.Choice("activation", ["relu", "gelu"])) + hp.get("units_0")
"""


@pytest.mark.keras
@WARNS
def test_spaces_whose_parameters_are_known_when_they_run(project: Path, tuner: Typed):
    """``build`` is called with past points, so that conditional parameters are known, too."""
    (tuner.folder / "hyper.py").write_text(HYPER)
    said = tuner(
        "launch", "hyper.py:build_model", "--data", "digits", "--study", "new", "--workers", "0",
        "--objective", "accuracy", "--like", f"kerastuner:{project}",
    )  # fmt: skip
    assert said.exit_code == 0, said.stderr
    assert "unknown here: activation" in said.stdout
    assert "sampled, for they have none: batch_size, epochs." in said.stdout
    points = waiting(tuner.folder)
    assert all(set(point) <= {"units_0", "gate", "dropout"} for point in points)
    assert any("dropout" in point for point in points)
    assert all(point.get("units_0", 16) <= 64 for point in points)


@pytest.mark.keras
@WARNS
def test_what_only_a_fit_asks_for_is_looked_at_when_it_runs(project: Path, tuner: Typed):
    """A value that it does not offer is sampled: the trial is complete all the same."""
    (tuner.folder / "hyper.py").write_text(HYPER)
    words = ("hyper.py:Net", "--study", "new", "--direction", "max", "--trials", "4")
    said = tuner("launch", *words, "--workers", "1", "--like", f"kerastuner:{project}")
    assert said.exit_code == 0, said.stderr
    store = open_store(f"sqlite:///{tuner.folder / 'tuner.db'}", create=False)
    records = trials.list_trials(store, studies.load(store, "new"))
    store.close()
    assert [record.state for record in records] == ["complete"] * 4, records[0].failure
    assert records[0].hyperparameters["activation"] in ("relu", "gelu")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _stretch(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(30_000_000_000)


def _fail(file: Path) -> None:
    file.write_text(file.read_text().replace("COMPLETED", "FAILED"))


ORACLE, ONE, ALL = "oracle.json", "trial_0/trial.json", "trial_*/trial.json"


@pytest.mark.keras
@WARNS
@pytest.mark.parametrize(
    ("files", "change", "words"),
    [
        (ORACLE, Path.unlink, "Expected a project folder of KerasTuner, with oracle.json in it."),
        (ORACLE, lambda file: file.write_text('{"ongoing_trials": '), "Expected JSON in "),
        (ONE, lambda file: file.write_bytes(b"\xff\xfe\x00"), "Expected JSON in "),
        (ONE, lambda file: file.write_text("[" * 200_000), "too many brackets in brackets"),
        (ONE, lambda file: file.write_text('{"trial_id": "0"}'), "which has other contents"),
        (ONE, lambda file: file.write_text("[]"), "which has other contents"),
        (ONE, _pipe, "which is a pipe"),
        (ONE, _stretch, "of at most 20,000,000 bytes"),
        (ALL, Path.unlink, "Received: 0 trials, none of which is finished"),
        (ALL, _fail, "Received: 8 trials, none of which is finished"),
    ],
)
def test_a_project_that_cannot_be_used(
    project: Path, tuner: Typed, files: str, change: Callable[[Path], Any], words: str
):
    """One line, and nothing is made."""
    shutil.copytree(project, tuner.folder / "copy")
    for file in (tuner.folder / "copy").glob(files):
        change(file)
    line = refused(tuner(*LAUNCH, "--objective", "accuracy", "--like", "kerastuner:copy"))
    assert words in line
    assert len(line) <= 300
    assert not (tuner.folder / "tuner.db").exists()


@pytest.mark.keras
@WARNS
def test_other_directions_are_refused(project: Path, tuner: Typed):
    """A high score is good there, and a low loss here."""
    line = refused(tuner(*LAUNCH, "--like", f"kerastuner:{project}"))
    assert "in the direction min, as val_loss is." in line
    assert "whose direction is max" in line


@pytest.mark.parametrize(
    ("like", "words"),
    [
        ("nothing", "Expected --like STUDY, kerastuner:FOLDER, optuna:URL/STUDY, none or auto. R"),
        ("kerastuner:", "Received: 'kerastuner:'; the store has the studies none."),
        ("kerastuner:gone", "Received: gone, which does not exist."),
        ("kerastuner:/dev/zero", "Received: /dev/zero, which is a device."),
        ("kerastuner:.", "Received: ., without one."),
        ("optuna:sqlite:///old.db", "Expected --like optuna:URL/STUDY, such as optuna:sqlite:/"),
        ("optuna:sqlite:///old.db/none", "Received: 'none'; it has 'past', 'far', 'two'."),
        ("optuna:sqlite:///gone.db/past", "Expected a SQLite file. Received: "),
        ("optuna:sqlite:///text.db/past", "Expected a usable database at sqlite:///"),
        ("optuna:sqlite:///empty.db/past", "Expected a usable database at sqlite:///"),
        ("optuna:sqlite:///pipe/past", "Expected a SQLite file. Received: "),
        ("optuna:oracle://host/db/past", "Expected a sqlite, postgresql or mysql URL"),
        ("optuna:sqlite:///old.db/far", "Expected past trials that have a parameter of mlp"),
        ("optuna:sqlite:///old.db/two", "whose direction is min min"),
    ],
)
def test_past_studies_that_cannot_be_used(tuner: Typed, like: str, words: str):
    """One line that says what was expected, and nothing is made."""
    past(asks, "sqlite:///old.db", trials=2)
    past(lambda trial: trial.suggest_float("x", 0, 1), "sqlite:///old.db", "far", trials=1)
    two = optuna.create_study(
        study_name="two", storage="sqlite:///old.db", directions=["minimize"] * 2
    )
    two.optimize(lambda trial: (trial.suggest_int("layers", 1, 2), 1), n_trials=1)
    (tuner.folder / "text.db").write_text("no database " * 1000)
    sqlite3.connect("empty.db").close()
    os.mkfifo("pipe")
    line = refused(tuner(*LAUNCH, "--like", like))
    assert words in line
    assert len(line) <= 300
    assert not (tuner.folder / "tuner.db").exists()


def test_a_database_that_does_not_answer(tuner: Typed):
    """Its password is not told, and the advice is about this option."""
    like = "optuna:postgresql://me:swordfish@127.0.0.1:1/studies/past"
    line = refused(tuner(*LAUNCH, "--like", like))
    assert "swordfish" not in line
    assert "(--like)" in line


def test_a_sampler_that_plans_leaves_no_room(tuner: Typed):
    """A grid has its points."""
    line = refused(tuner(*LAUNCH, "--sampler", "qmc", "--like", "kerastuner:x"))
    assert "Expected a sampler that chooses freely with --like" in line
