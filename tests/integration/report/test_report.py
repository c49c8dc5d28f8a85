"""A study on one page, from its store alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from search_spaces import catalog
from storage import studies
from storage.database.engine import Store
from tests.support import study_history
from tests.support.browser import PROGRAMS, Browser
from tests.support.sources import ROOT
from tests.support.trials import begin, complete, enter, fail
from tests.support.typed import Typed, refused
from tuner.datasets.data_spec import DataSpec
from tuner.report import StudyFacts, compose, gather, page
from tuner.report.document import Document, Section
from tuner.report.searched_ranges import searched
from tuner.report.sections import SECTIONS
from tuner.report.sections.pruning_savings import savings

LONG = "a_very_long_name_of_a_hyperparameter_that_somebody_"


def section(document: Document, title: str) -> Section:
    return next(s for s in document.sections if s.title == title)


def figures(document: Document, title: str) -> list[dict[str, Any]]:
    """A section's figures as the page has them."""
    return [json.loads(p.figure.to_json()) for p in section(document, title).pictures]


@pytest.fixture
def facts(store: Store) -> StudyFacts:
    """Of a study of 60 trials: 3 failed, the others complete or pruned."""
    return gather(store, study_history.make(store, trials=60))


def test_the_page_needs_no_network(typed: Typed, store: Store):
    """Scripts and styles stand in it, plotly.js once, and nothing may be fetched."""
    study_history.make(store, trials=30)
    result = typed("report", "past")
    assert (result.exit_code, result.stdout) == (0, "Report: report.html\n"), result.stderr
    text = Path("report.html").read_text(encoding="utf-8")
    assert text.count("plotly.js v") == 1
    assert not re.search(r'<(script|link|img|iframe)[^>]*\b(src|href)="', text)
    assert "default-src 'none'" in text


def test_tensorflow_is_not_imported(store: Store, tmp_path: Path):
    """A report is there in seconds."""
    study_history.make(store, trials=10)
    script = "import sys; from tuner.cli import main\ntry: main(['report', 'past'])\n"
    script += "except SystemExit as e: assert not e.code\n"
    script += "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    command = [sys.executable, "-c", script]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=True)


def test_every_part_is_there(facts: StudyFacts):
    """In the order in which one asks."""
    assert [s.title for s in compose(facts).sections] == [
        "Best hyperparameters",
        "Optimisation history",
        "Learning curves",
        "Parameter importance",
        "Parallel coordinates",
        "Slices",
        "What pruning saved",
        "Failures",
        "Workers",
        "Predictions of the best model",
        "Best trials",
        "Definition",
    ]


def test_the_verdict_names_the_best_trial(facts: StudyFacts):
    """With its value, in the first sentence."""
    best = min(facts.of("complete"), key=lambda trial: trial.value or 0.0)
    verdict = compose(facts).verdict
    assert verdict.startswith(f"Trial {best.number} is the best of 60 trials")
    assert f"{best.value:.4g}" in verdict


def test_real_values_are_shown_where_indices_are_stored(facts: StudyFacts):
    """An ordered list is sampled by its index, and nobody knows that."""
    document = compose(facts)
    table = section(document, "Best hyperparameters").table
    assert table is not None
    rows = {row[0]: row for row in table.rows}
    best = facts.ranking[0].hyperparameters
    assert rows["batch_size"][1:] == (str(best["batch_size"]), "16, 32, 64, 128")
    slices = {f["layout"]["xaxis"]["title"]["text"]: f for f in figures(document, "Slices")}
    assert set(slices["batch_size"]["data"][0]["x"]) == {"16", "32", "64", "128"}
    assert slices["penalty"]["layout"]["xaxis"]["categoryarray"] == ["0", "1e-05", "0.001"]
    (parallel,) = figures(document, "Parallel coordinates")
    texts = {annotation["text"] for annotation in parallel["layout"]["annotations"]}
    assert {"16", "128", "relu", "0.001"} <= texts


def test_the_range_is_what_was_searched(store: Store):
    """Not what was seen of it: of our own spaces as they say, of others as far as one can tell."""
    space = catalog.load("mlp", ["batch_size=16,32,64,128,256"])
    spec = {"overrides": ["batch_size=16,32,64,128,256"], "space_fingerprint": space.fingerprint()}
    facts = gather(store, study_history.make(store, trials=20, **spec))
    assert searched("batch_size", facts) == "16, 32, 64, 128, 256"
    assert searched("learning_rate", facts) == "0.0001 to 0.1, logarithmic"
    assert searched("epochs", facts) == "fixed"
    few = [t for t in facts.trials if t.hyperparameters.get("batch_size") in (16, 64)]
    foreign = replace(facts, searched={}, trials=few)
    assert searched("batch_size", foreign) == "4 values, of which tried: 16, 64"
    alike = [replace(trial, hyperparameters=few[0].hyperparameters) for trial in few]
    assert searched("activation", replace(foreign, trials=alike)) == "relu, tanh, gelu"
    assert searched("dropout", replace(foreign, trials=alike)) == "0 to 0.5"


def test_what_few_trials_had_is_not_ranked(facts: StudyFacts):
    """Five trials tell nothing of a parameter; what is ranked says on how many it rests."""
    lucky = {trial.number for trial in facts.ranking[:5]}
    half = {trial.number for trial in facts.measured[::2]} | lucky
    trials = [
        replace(
            trial,
            hyperparameters={
                **trial.hyperparameters,
                **({"rho": 0.9 + trial.number / 1e3} if trial.number in lucky else {}),
                **({"momentum": trial.number / 1e3} if trial.number in half else {}),
            },
        )
        for trial in facts.trials
    ]
    shown = section(compose(replace(facts, trials=trials)), "Parameter importance")
    (bars,) = (json.loads(picture.figure.to_json()) for picture in shown.pictures)
    assert "rho" not in bars["data"][0]["y"]
    assert bars["data"][0]["y"][-1] == "learning_rate"
    count = sum(trial.number in half for trial in facts.measured)
    for told in (
        f"momentum ({count})",
        "Left out",
        "rho (5)",
        f"over {len(facts.measured)} trials",
    ):
        assert told in shown.text[0]


def test_trials_keep_their_numbers(facts: StudyFacts):
    """Also behind failed ones, which no figure of Optuna's draws."""
    numbers = {trial.number for trial in facts.measured}
    document = compose(facts)
    assert set(figures(document, "Slices")[0]["data"][0]["marker"]["color"]) == numbers
    (history,) = figures(document, "Optimisation history")
    drawn = {trace["name"]: trace for trace in history["data"]}
    assert set(drawn["complete"]["x"]) == {trial.number for trial in facts.of("complete")}
    assert set(drawn["pruned (its lowest)"]["x"]) == {t.number for t in facts.of("pruned")}


def test_the_parameter_that_matters_comes_first(facts: StudyFacts):
    """The made-up losses depend on the learning rate alone."""
    (bars,) = figures(compose(facts), "Parameter importance")
    assert bars["data"][0]["y"][-1] == "learning_rate"
    assert bars["data"][0]["x"][-1] > 0.5


def test_learning_curves_come_in_one_query(store: Store):
    """However many are drawn."""
    study = study_history.make(store, trials=60)
    asked: list[str] = []
    sa.event.listen(
        store.engine, "before_cursor_execute", lambda *args: asked.append(args[2].lower())
    )
    gather(store, study)
    assert sum("tuner_epochs" in statement for statement in asked) == 1
    assert len(asked) < 30


def test_learning_curves_show_training_and_validation(facts: StudyFacts):
    """Of the best, and of pruned trials beside the best one."""
    best, pruned = figures(compose(facts), "Learning curves")
    first = facts.ranking[0]
    curve = facts.curves[first.trial_id]
    lines = {trace["name"]: trace for trace in best["data"]}
    assert lines[f"trial {first.number}"]["y"] == [epoch["val_loss"] for epoch in curve]
    assert lines[f"trial {first.number}, training"]["y"] == [epoch["loss"] for epoch in curve]
    assert pruned["data"][-1]["name"] == f"best: trial {first.number}"


def test_what_pruning_saved_is_counted(facts: StudyFacts):
    """Planned epochs minus trained ones, of pruned trials, at the pace of complete ones."""
    spared = sum(study_history.EPOCHS - trial.epoch for trial in facts.of("pruned"))
    planned = study_history.EPOCHS * len(facts.measured)
    (text,) = section(compose(facts), "What pruning saved").text
    assert f"{spared:,} of {planned:,} planned epochs" in text
    complete = facts.of("complete")
    pace = sum(t.seconds for t in complete) / sum(t.epoch for t in complete)
    assert savings(facts.status.study, facts.trials).seconds == pytest.approx(spared * pace)


def test_failures_are_told_with_what_they_have_in_common(facts: StudyFacts):
    """All that failed had a high learning rate, which few others had."""
    table = section(compose(facts), "Failures").table
    assert table is not None
    ((kind, count, message, common, which),) = table.rows
    assert (kind, count, which) == ("diverged", "3", "13, 33, 53")
    assert message == "the loss became nan in epoch 3"
    assert common.startswith("learning_rate from 0.09")


def test_the_time_line_shows_trials_and_lost_workers(facts: StudyFacts):
    """A row for each worker, a bar for each trial, a cross where one was lost."""
    (line,) = figures(compose(facts), "Workers")
    traces = {trace["name"]: trace for trace in line["data"]}
    assert len(traces["idle"]["y"]) == 3
    assert len(traces["busy"]["y"]) == 60
    assert traces["worker lost"]["y"] == ["3  machine-2:1002"]


def test_a_study_of_five_thousand_trials_is_thinned_and_says_so(store: Store):
    """The page stays small, and the best trials are on it."""
    facts = gather(store, study_history.make(store, trials=5000, workers=50))
    document = compose(facts)
    texts = " ".join(text for s in document.sections for text in s.text)
    for told in ("200 of 4,750 trials", "1,000 of 4,750 trials", "40 of 50 workers", "40 of 2,"):
        assert told in texts
    best = facts.ranking[0].number
    assert best in figures(document, "Slices")[0]["data"][0]["marker"]["color"]
    assert len(page(document)) < 8e6


def test_one_trial_is_enough(typed: Typed, store: Store):
    """What needs more is left out, with a word why."""
    study = studies.create(store, name="one", spec=study_history.SPEC, budget=1)
    enter(store, study)
    complete(store, begin(store, study, epochs=3), [0.5, 0.4, 0.3])
    assert typed("report", "one").exit_code == 0
    text = Path("report.html").read_text(encoding="utf-8")
    assert "Trial 0 is the best of 1 trial " in text
    assert "slices need two trials" in text


def test_only_failures_make_a_report_too(typed: Typed, store: Store):
    """It says what went wrong."""
    study = studies.create(store, name="bad", spec=study_history.SPEC, budget=1)
    fail(store, begin(store, study), message="<b>no</b> such layer")
    assert typed("report", "bad").exit_code == 0
    text = Path("report.html").read_text(encoding="utf-8")
    assert "No trial is complete: 1 failed (1 error)." in text
    assert "&lt;b&gt;no&lt;/b&gt; such layer" in text


def test_names_cannot_break_the_page(store: Store):
    """Whatever stands in them is text."""
    hostile = '</script><script>alert("1")</script>'
    facts = gather(store, study_history.make(store, hostile, trials=30, prefix=hostile))
    text = page(compose(facts))
    assert "<script>alert" not in text


def test_a_study_without_an_ended_trial_is_refused(typed: Typed, store: Store):
    """There is nothing to show."""
    studies.create(store, name="new", spec=study_history.SPEC, budget=1)
    assert "tuner status new" in refused(typed("report", "new"))


def test_a_file_that_exists_is_replaced_only_by_force(typed: Typed, store: Store):
    """Found out before anything is read."""
    study_history.make(store, trials=10)
    Path("report.html").write_text("mine")
    assert "--force" in refused(typed("report", "past"))
    assert "folder" in refused(typed("report", "past", "-o", "nowhere/report.html"))
    assert typed("report", "past", "--force").exit_code == 0
    assert Path("report.html").read_text() != "mine"


def test_a_missing_model_is_told_on_the_page(typed: Typed, store: Store):
    """The rest is there all the same."""
    study_history.make(
        store, trials=20, data=DataSpec(source="nowhere.csv", target="price").to_dict()
    )
    result = typed("report", "past")
    assert result.exit_code == 0, result.stderr
    assert "<p>Left out: " in Path("report.html").read_text(encoding="utf-8")


def test_markdown_without_a_browser_is_refused(
    typed: Typed, store: Store, monkeypatch: pytest.MonkeyPatch
):
    """One line says what is missing."""
    study_history.make(store, trials=10)
    monkeypatch.setenv("PATH", "")
    assert "Chromium" in refused(typed("report", "past", "--format", "md"))
    assert not list(Path().glob("report*"))


needs_browser = pytest.mark.skipif(
    not any(map(shutil.which, PROGRAMS)), reason="no Chromium is installed"
)


@needs_browser
def test_markdown_has_its_pictures_beside_it(typed: Typed, store: Store):
    """Each one that is named is there, and is a PNG."""
    study_history.make(store, trials=25)
    result = typed("report", "past", "-o", "study.md")
    assert result.exit_code == 0, result.stderr
    text = Path("study.md").read_text(encoding="utf-8")
    named = re.findall(r"!\[[^]]*\]\(<(.*?)>\)", text)
    assert len(named) > 8
    for name in named:
        assert Path(name).read_bytes().startswith(b"\x89PNG")
    assert "| learning\\_rate |" in text


@needs_browser
@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_draws_everything_within_its_window(
    store: Store, browser: Browser, tmp_path: Path, width: int
):
    """Also with long names in a narrow window; the browser complains about nothing."""
    facts = gather(store, study_history.make(store, "long-name-" * 30, trials=40, prefix=LONG))
    file = tmp_path / "report.html"
    file.write_text(page(compose(facts)), encoding="utf-8")
    with browser.tab() as tab:
        tab.open(file.as_uri(), width=width)
        tab.wait_for(
            "document.querySelectorAll('.plot-container').length > 0 && "
            "document.querySelectorAll('.plot-container').length == "
            "document.querySelectorAll('[data-figure]').length"
        )
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        outside = (
            "[...document.querySelectorAll('[data-figure]')].filter(f => "
            "f.querySelector('svg').clientWidth > f.clientWidth + 1).length"
        )
        assert tab.evaluate(outside) == 0
        assert tab.complaints == []


CONTRAST = """
(() => {
  const linear = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = colour => {
    const [r, g, b] = colour.match(/[0-9.]+/g).map(Number).map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const card = luminance(getComputedStyle(document.querySelector("section")).backgroundColor);
  const ratio = colour => {
    const [low, high] = [luminance(colour), card].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const colours = (places, property) =>
    [...document.querySelectorAll(places)].map(place => getComputedStyle(place)[property]);
  const drawn = colours("[data-figure] text", "fill");
  const written = colours("p, td, h2, dt, dd", "color");
  return drawn.length > 100 ? Math.min(...[...drawn, ...written].map(ratio)) : 0;
})()
"""


@needs_browser
def test_every_text_can_be_read_in_the_light_and_in_the_dark(
    facts: StudyFacts, browser: Browser, tmp_path: Path
):
    """Its contrast with the card it stands on is 4.5 at least (WCAG 2.2, 1.4.3).

    The page follows when the system changes between both.
    """
    file = tmp_path / "report.html"
    file.write_text(page(compose(facts)), encoding="utf-8")
    with browser.tab() as tab:
        tab.open(file.as_uri())
        for scheme in ("light", "dark", "light"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            tab.call("Emulation.setEmulatedMedia", features=features)
            tab.wait_for(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
            tab.wait_for(f"document.querySelector('footer') && {CONTRAST.strip()} >= 4.5")
        assert tab.complaints == []


def test_a_figure_of_a_package_that_fails_costs_no_page(
    facts: StudyFacts, monkeypatch: pytest.MonkeyPatch
):
    """Its section says whose code failed and why; all others are there."""
    ours = [s.title for s in compose(facts).sections]
    point = EntryPoint("broken", "operator:truediv", SECTIONS.group)
    monkeypatch.setitem(SECTIONS._plugins, "broken", point)
    *others, last = compose(facts).sections
    assert [s.title for s in others] == ours
    assert last.title == "broken"
    assert last.text[0].startswith("Left out, as the package operator:truediv failed: TypeError: ")
