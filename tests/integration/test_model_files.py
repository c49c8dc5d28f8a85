"""Which model files stay, also where several workers end trials at the same moment."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import leases, trials
from storage.database.engine import Store, open_store
from storage.files.artifacts import Artifacts
from storage.leases import Claim
from storage.studies import Study
from tests.support.stores import claim, complete, make, report
from tuner.trials.model_files import BestModels


def end(store: Store, held: Claim, artifacts: Artifacts, value: float, *further: float) -> str:
    """Ends a trial with a model file; returns where that lies."""
    name = f"models/trial-{held.number}.keras"
    path = artifacts.save(name, lambda local: local.write_text("a model")).path
    report(store, held, 1, value)
    leases.finish(store, held, complete(value, further=further, model=path))
    return path


def kept(store: Store, study: Study) -> list[int]:
    """The trials that have a model, whose files are there."""
    found = trials.with_model(store, study)
    assert all(Path(trial.model or "").is_file() for trial in found)
    return [trial.number for trial in found]


def test_the_model_of_a_trial_that_ends_meanwhile_stays(
    store: Store, store_url: str, tmp_path: Path
):
    """Another worker ends the best trial of all between two looks into the store."""
    study = make(store)
    artifacts = Artifacts(str(tmp_path), study)
    shelf = BestModels(store, study, artifacts, keep=1)
    end(store, claim(store, study), artifacts, 0.5)
    held, elsewhere = claim(store, study), open_store(store_url)
    at_work = [held]

    def ends(*told: object) -> None:
        if at_work and str(told[2]).startswith("SELECT"):
            end(elsewhere, at_work.pop(), artifacts, 0.1)

    sa.event.listen(store.engine, "after_cursor_execute", ends)
    try:
        shelf.clear()
    finally:
        elsewhere.close()
    assert kept(store, study) == [held.number]


@pytest.mark.keras
def test_a_model_is_written_in_its_studys_folder_alone(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A process that is killed meanwhile leaves nothing where nobody would know of it."""
    import keras

    opened = open_store(sqlite_url)
    study = make(opened)
    text = keras.layers.TextVectorization(vocabulary=["a", "b"])  # has a file of its own inside
    model = keras.Sequential(
        [keras.Input((1,), dtype="string"), text, keras.layers.Embedding(4, 2)]
    )
    shelf = BestModels(opened, study, Artifacts(str(tmp_path / "files"), study), keep=1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    saved = shelf.save(claim(opened, study), model, epoch=1)
    monkeypatch.undo()
    assert keras.saving.load_model(saved.path).summary(print_fn=lambda _: None) is None
    assert [*(tmp_path / "files" / study.uuid / "drafts").iterdir()] == []
    opened.close()


def test_models_of_the_front_go_before_others(store: Store, tmp_path: Path):
    """Within it and behind it by the first objective; room is made for a new member."""
    study = make(store, budget=9, further=[False])
    artifacts = Artifacts(str(tmp_path), study)
    shelf = BestModels(store, study, artifacts, keep=2)
    for values in ((0.5, 50.0), (0.6, 60.0), (0.9, 10.0)):
        assert shelf.has_room(values[0], values[1:])
        end(store, claim(store, study), artifacts, *values)
        shelf.clear()
    assert kept(store, study) == [0, 2]
    assert not shelf.has_room(0.55, (55.0,))
    assert not shelf.has_room(0.95, (9.0,))  # on the front, behind two others
    assert shelf.has_room(0.8, (20.0,))
    end(store, claim(store, study), artifacts, 0.8, 20.0)
    shelf.clear()
    assert kept(store, study) == [0, 3]
