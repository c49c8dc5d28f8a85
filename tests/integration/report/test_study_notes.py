"""The note that Optuna's dashboard shows of a study."""

from __future__ import annotations

import optuna_dashboard
import pytest
from optuna import load_study

from storage import overview, studies
from storage.database.engine import Store
from storage.studies import Study
from tests.support import study_history
from tests.support.trials import begin, complete, enter
from tests.support.typed import Typed
from tuner.monitoring.study_notes import MARK, Notes


def shown(store: Store, study: Study) -> str:
    return optuna_dashboard._note.get_note(load_study(study_name=study.name, storage=store.optuna))


def running(store: Store) -> Study:
    study = studies.create(store, name="live", spec=study_history.SPEC, budget=5)
    enter(store, study)
    return study


def test_the_note_tells_how_far_a_study_is(store: Store):
    """State, progress, best, what is searched on which data, who is alive."""
    study = running(store)
    complete(store, begin(store, study), [0.5, 0.25])
    Notes(store, study).update(overview.status(store, study))
    note = shown(store, study)
    for told in ("**running**: 1 of 5 trials", "trial 0, validation loss 0.25", "mlp on digits"):
        assert told in note
    assert "**Workers alive**: 1 (host:7)" in note


def test_what_users_write_stays(store: Store):
    """Before the first update, and below the line after it."""
    study = running(store)
    optuna_dashboard.save_note(load_study(study_name="live", storage=store.optuna), "mine")
    notes = Notes(store, study)
    notes.update(overview.status(store, study), now=True)
    assert shown(store, study).endswith(f"{MARK}mine")
    complete(store, begin(store, study), [0.5])
    notes.update(overview.status(store, study), now=True)
    note = shown(store, study)
    assert "1 of 5 trials" in note
    assert note.count(MARK) == 1
    assert note.endswith(f"{MARK}mine")


def test_a_user_can_save_while_it_is_updated(store: Store):
    """The dashboard refuses a version that is not the next one."""
    study = running(store)
    notes = Notes(store, study)
    notes.update(overview.status(store, study), now=True)
    before = store.optuna.get_study_system_attrs(study.study_id)["dashboard:note_ver"]
    complete(store, begin(store, study), [0.5])
    notes.update(overview.status(store, study), now=True)
    attributes = store.optuna.get_study_system_attrs(study.study_id)
    assert attributes["dashboard:note_ver"] == before


def test_it_is_not_written_more_often_than_every_few_seconds(store: Store):
    """Workers are not slowed down."""
    study = running(store)
    notes = Notes(store, study)
    notes.update(overview.status(store, study))
    complete(store, begin(store, study), [0.5])
    notes.update(overview.status(store, study))
    assert "0 of 5 trials" in shown(store, study)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("pause", "live"), "**paused"),
        (("stop", "live"), "**stopped"),
        (("extend", "live", "--trials", "+3"), "**running**: 0 of 8 trials"),
    ],
)
def test_commands_that_change_a_study_write_it(
    store: Store, typed: Typed, words: tuple[str, ...], told: str
):
    """Nobody supervises the study."""
    study = running(store)
    assert typed(*words).exit_code == 0
    assert shown(store, study).startswith(told)


def test_a_deleted_study_is_passed_by(store: Store):
    """Its supervisor finds out by itself."""
    study = running(store)
    status = overview.status(store, study)
    studies.delete(store, study)
    Notes(store, study).update(status)
