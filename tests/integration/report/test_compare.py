"""Studies of the same data side by side."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage import studies
from storage.database.engine import Store, open_store
from tests.support import study_history
from tests.support.trials import begin, complete, enter
from tests.support.typed import Typed, refused
from tuner.report.comparison import compare_studies


@pytest.fixture
def two(store: Store) -> None:
    """`first` falls from 0.5 to 0.2 at its third trial; `second` has 0.204 at once."""
    make_two(store)


def make_two(store: Store) -> None:
    for name, values in (("first", (0.5, 0.6, 0.2, 0.3)), ("second", (0.204, 0.4))):
        study = studies.create(store, name=name, spec=study_history.SPEC, budget=4)
        enter(store, study, worker_id=name)
        for value in values:
            complete(store, begin(store, study, worker_id=name), [0.9, value])


def test_any_database_gives_the_same_figures(
    store_url: str, typed: Typed, monkeypatch: pytest.MonkeyPatch
):
    """A table, a page and JSON."""
    monkeypatch.setenv("TUNER_STORAGE", store_url)
    with closing(open_store(store_url)) as store:
        make_two(store)
    first, second = typed.json("compare", "first", "second", "-o", "page.html")
    assert (first["best"], first["best_trial"], first["close_trials"]) == (0.2, 2, 3)
    assert (second["best"], second["close_trials"]) == (0.204, 1)
    assert 0 <= second["close_seconds"] <= second["seconds"]
    assert "second came within 5 %" in Path("page.html").read_text(encoding="utf-8")
    assert typed("report", "first").exit_code == 0


@pytest.mark.usefixtures("two")
def test_the_figures_of_a_small_comparison(store: Store):
    """Counted by hand."""
    first, second = compare_studies(store, [studies.load(store, n) for n in ("first", "second")])
    assert (first.ended, first.best, first.best_trial, first.last_quarter) == (4, 0.2, 2, 0.3)
    assert [(step.trials, step.value) for step in first.steps] == [(1, 0.5), (3, 0.2)]
    assert first.close_trials == 3
    assert (second.best, second.last_quarter, second.close_trials) == (0.204, 0.4, 1)
    assert second.close_seconds is not None
    assert 0 <= second.close_seconds <= second.seconds


@pytest.mark.usefixtures("two")
def test_the_table_and_the_page(typed: Typed):
    """The page draws both studies, over trials and over seconds."""
    result = typed("compare", "first", "second", "-o", "page.html")
    assert result.exit_code == 0, result.stderr
    assert "0.204" in result.stdout
    text = Path("page.html").read_text(encoding="utf-8")
    assert "second came within 5 % of it first, after 1 trial." in text
    assert text.count("data-figure style") == 2
    assert "--force" in refused(typed("compare", "first", "second", "-o", "page.html"))


@pytest.mark.usefixtures("two")
def test_as_json(typed: Typed):
    """One element a study, with its steps."""
    first, second = typed.json("compare", "first", "second")
    assert (first["study"], second["study"]) == ("first", "second")
    assert first["steps"][-1]["value"] == 0.2


@pytest.mark.usefixtures("two")
def test_what_cannot_be_compared_is_refused(typed: Typed, store: Store):
    """One study, a study that is not there, and other data."""
    assert "two studies" in refused(typed("compare", "first", "first"))
    assert "nowhere" in refused(typed("compare", "first", "nowhere"))
    studies.create(
        store, name="other", spec={**study_history.SPEC, "data_fingerprint": "0"}, budget=1
    )
    assert "same data" in refused(typed("compare", "first", "other"))


OURS = {"optimizer": "adam", "schedule": "constant"}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"loss": "mape"}, {}, "'s0', by mape, and 's1', by the usual one"),
        ({"loss": "mse"}, {}, None),  # which is the usual one of a regression
        ({"loss": "huber"}, {"loss": "huber"}, None),
        ({"schedule": None}, {}, "by what mlp compiles"),
    ],
)
def test_losses_of_different_functions_are_not_compared(
    typed: Typed, store: Store, one: Any, other: Any, expected: str | None
):
    """22 percent are no better than a square of 79."""
    for i, words in enumerate((one, other)):
        study = studies.create(store, name=f"s{i}", spec=study_history.SPEC, budget=4)
        enter(store, study, worker_id=f"s{i}")
        chosen = {name: value for name, value in {**OURS, **words}.items() if value is not None}
        complete(store, begin(store, study, worker_id=f"s{i}", **chosen), [0.9, 0.5])
    result = typed("compare", "s0", "s1")
    if expected is None:
        assert result.exit_code == 0, result.stderr
    else:
        assert expected in refused(result)


@pytest.mark.usefixtures("two")
def test_a_study_without_a_complete_trial_is_shown_empty(typed: Typed, store: Store):
    """It may be running still."""
    studies.create(store, name="new", spec=study_history.SPEC, budget=1)
    rows = typed.json("compare", "first", "new")
    assert (rows[1]["best"], rows[1]["last_quarter"], rows[1]["steps"]) == (None, None, [])
    assert typed("compare", "first", "new", "-o", "new.html").exit_code == 0
