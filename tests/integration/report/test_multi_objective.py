"""Studies with several objectives, as commands, pages, notes and notebooks show them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import optuna
import pytest

from storage import leases, overview, studies
from storage.database.engine import Store
from storage.outcomes import Outcome
from storage.studies import Study
from tests.support import study_history
from tests.support.trials import begin, complete, enter, fail, report
from tests.support.typed import Typed, refused
from tuner import api
from tuner.cli.pareto_choice import choose_trial
from tuner.dashboard.pages import render
from tuner.dashboard.study_pages import study_context
from tuner.monitoring.study_notes import note
from tuner.report import compose, gather

SIZES = {0.3: 900.0, 0.5: 100.0, 0.4: 1200.0, 0.2: 5000.0}  # by validation loss
FRONT = [3, 0, 1]
BEST = {"val_loss": 0.2, "parameters": 5000.0}


@pytest.fixture
def study(store: Store) -> Study:
    """Four complete trials, three of them on the front, then a pruned one and a failed one."""
    spec = {**study_history.SPEC, "further": {"parameters": "min"}}
    made = studies.create(store, name="wide", spec=spec, budget=8, further=[False])
    enter(store, made)
    for loss, size in SIZES.items():
        complete(store, begin(store, made, units=int(size)), [0.9, loss], further=(size,))
    held = begin(store, made)
    report(store, held, [0.6])
    leases.finish(store, held, Outcome(state="pruned"))
    fail(store, begin(store, made))
    return studies.refresh(store, made)


def test_best_shows_the_front(study: Study, store: Store, typed: Typed):
    """A table for people; in JSON the best by the first objective, and all of the front."""
    shown = typed("best", "wide").stdout.splitlines()
    assert shown[0] == "Pareto front: 3 trials that no other one dominates."
    assert [line.split()[:3] for line in shown[2:]] == [
        ["3", "0.2", "5,000"], ["0", "0.3", "900"], ["1", "0.5", "100"],
    ]  # fmt: skip
    found = typed.json("best", "wide")
    assert (found["number"], found["value"], found["values"]) == (3, 0.2, BEST)
    assert [trial["number"] for trial in found["front"]] == FRONT
    seen = optuna.load_study(study_name="wide", storage=store.optuna)
    assert {trial.number for trial in seen.best_trials} == set(FRONT)


@pytest.mark.usefixtures("study")
def test_trials_mark_the_front(typed: Typed):
    """What a pruned trial came to by its first objective is shown; the rest is not known."""
    shown = [line.split() for line in typed("trials", "wide").stdout.splitlines()]
    assert shown[0][:6] == ["trial", "state", "validation", "loss", "parameters", "epochs"]
    assert [int(line[0]) for line in shown[1:7] if line[2] == "*"] == sorted(FRONT)
    assert shown[5][:4] == ["4", "pruned", "0.6", "-"]
    found = typed.json("trials", "wide")
    assert [trial["number"] for trial in found if trial["front"]] == sorted(FRONT)
    assert found[3]["values"] == BEST
    assert found[4]["values"] == {"val_loss": 0.6, "parameters": None}
    rows = list(csv.DictReader(io.StringIO(typed("trials", "wide", "--csv").stdout)))
    assert [row["values_parameters"] for row in rows][2:5] == ["1200.0", "5000.0", ""]


@pytest.mark.usefixtures("study")
def test_status_shows_the_front(typed: Typed):
    """For people and as JSON."""
    assert "Pareto front: 3 trials" in typed("status", "wide").stdout
    found = typed.json("status", "wide")
    assert [trial["number"] for trial in found["front"]] == FRONT
    assert found["best"]["number"] == FRONT[0]


def test_one_objective_is_shown_as_ever(store: Store, typed: Typed):
    """No front, no further values."""
    made = studies.create(store, name="one", spec=study_history.SPEC, budget=2)
    enter(store, made)
    complete(store, begin(store, made), [0.5])
    assert "front" not in typed("best", "one").stdout.lower()
    for command in ("best", "status"):
        assert not {"front", "values"} & typed.json(command, "one").keys()
    assert not {"front", "values"} & typed.json("trials", "one")[0].keys()
    assert "*" not in typed("trials", "one").stdout


def test_a_command_says_which_trial_it_takes(
    study: Study, store: Store, capsys: pytest.CaptureFixture[str]
):
    """The best by the first objective, on standard error; nothing where one is named."""
    assert choose_trial(store, study, None).number == FRONT[0]
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("Trial 3 is taken, of the Pareto front the one with the lowest ")
    assert choose_trial(store, study, 1).number == 1
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("study")
def test_fronts_are_not_compared(store: Store, typed: Typed):
    """Studies with several objectives are named with them."""
    studies.create(store, name="one", spec=study_history.SPEC, budget=2)
    line = refused(typed("compare", "one", "wide"))
    assert "Expected studies with one objective. Received: 'wide', with val_loss, param" in line


def test_the_report_has_a_section_for_the_front(study: Study, store: Store):
    """First of all, with its trials in a table and drawn against the first objective."""
    document = compose(gather(store, study))
    assert document.verdict.startswith("3 trials of 4 complete ones are on the Pareto front.")
    section = document.sections[0]
    assert section.title == "Pareto front"
    assert section.table is not None
    assert [row[:3] for row in section.table.rows] == [
        ("3", "0.2", "5,000"), ("0", "0.3", "900"), ("1", "0.5", "100"),
    ]  # fmt: skip
    behind, front = section.pictures[0].figure.data
    assert (list(behind.x), list(behind.y)) == ([1200.0], [0.4])
    assert (list(front.x), list(front.y)) == ([100.0, 900.0, 5000.0], [0.5, 0.3, 0.2])
    best = next(s for s in document.sections if s.title == "Best trials")
    assert best.table is not None
    assert [row[0] for row in best.table.rows] == ["3", "0", "1", "2"]


@pytest.mark.usefixtures("study")
def test_the_report_is_written(typed: Typed):
    """With a picture of one objective against the other."""
    assert typed("report", "wide", "--no-evaluate").exit_code == 0
    assert "Validation loss against parameters" in Path("report.html").read_text(encoding="utf-8")


def test_the_note_and_our_own_page_show_the_front(study: Study, store: Store):
    """Each of its trials with both values."""
    status = overview.status(store, study)
    lines = note(status).splitlines()
    assert "**Pareto front**: 3 trials that no other one dominates" in lines
    assert [line.split("|")[1:4] for line in lines if line.startswith("| 3 ")] == [
        [" 3 ", " 0.2 ", " 5,000 "]
    ]
    page = render("study.html", **study_context(status, [], None))
    assert "<h2>Pareto front: 3 trials</h2>" in page
    assert "5,000</td>" in page


@pytest.mark.usefixtures("study")
def test_notebooks_have_the_front():
    """As a table by trial; trials that ended without values have none."""
    loaded = api.load("wide")
    assert loaded.best is not None
    assert loaded.best.number == FRONT[0]
    front = loaded.front
    assert list(front.index) == FRONT
    assert list(front["values_parameters"]) == [5000.0, 900.0, 100.0]
    assert loaded.trials["values_parameters"].isna().sum() == 2
    assert "Pareto front of 3 trials, the first 3: validation loss 0.2" in repr(loaded)
