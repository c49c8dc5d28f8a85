"""The file of a SQLite store is deleted, moved or replaced while it is open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import claiming, leases, studies, workers
from storage.database import connection, sqlite_file
from storage.database.engine import Store, open_store
from storage.errors import StoreLost
from storage.studies import Study
from tests.support.stores import claim, make, report
from tests.support.working import lease

Change = Callable[[Path], None]


def delete(path: Path) -> None:
    path.unlink()


def delete_with_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def replace(path: Path) -> None:
    other = path.with_name("other.db")
    open_store(f"sqlite:///{other}").close()
    os.replace(other, path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "in 100%").mkdir()
    return tmp_path / "in 100%" / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{path}")
    yield opened
    opened.close()


def filled(store: Store) -> Study:
    """A study with a trial of two epochs, of which nothing has come into the file itself yet."""
    study = make(store)
    held = claim(store, study)
    report(store, held, 1, 0.5)
    report(store, held, 2, 0.4)
    return study


def epochs(place: Path, number: int = 0) -> int:
    """Finished epochs of a trial in a store."""
    with closing(open_store(f"sqlite:///{place}", create=False)) as opened:
        (study,) = studies.list_studies(opened)
        found: int = lease(opened, study, number).epoch
        return found


WAYS: dict[str, Callable[[Store, Study], object]] = {
    "claim": lambda store, study: claiming.claim(store, study, "eve"),
    "seen": lambda store, _: workers.seen(store, "ada", busy_seconds=1.0),
    "list": lambda store, _: studies.list_studies(store),
    "Optuna reads": lambda store, study: store.optuna.get_all_trials(study.study_id),
    "Optuna writes": lambda store, study: store.optuna.set_study_user_attr(study.study_id, "a", 1),
}


@pytest.mark.parametrize("change", [delete, replace])
def test_no_way_leads_to_another_file(store: Store, path: Path, change: Change):
    """One line that says what became of it; nothing is written to what is there now."""
    study = filled(store)
    change(path)
    before = path.read_bytes() if path.exists() else None
    for way in WAYS.values():
        with pytest.raises(StoreLost, match=r"^Expected the file of the store to stay[^\n]+$"):
            way(store, study)
        assert (path.read_bytes() if path.exists() else None) == before


@pytest.mark.parametrize("change", [delete, replace])
def test_what_was_in_it_is_kept(store: Store, path: Path, change: Change):
    """All that was committed is in a file beside it, which can be moved back and used."""
    filled(store)
    change(path)
    with pytest.raises(StoreLost, match=r"was saved as store\.db\.kept-") as told:
        studies.list_studies(store)
    (kept,) = path.parent.glob("store.db.kept-*")
    assert kept.name in str(told.value)
    assert epochs(kept) == 2
    store.close()
    os.replace(kept, path)
    assert epochs(path) == 2


def test_a_deleted_folder_takes_nothing_along(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where there is no place beside it, it is kept among temporary files."""
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr(sqlite_file.tempfile, "gettempdir", lambda: str(spare))
    filled(store)
    delete_with_folder(path)
    with pytest.raises(StoreLost, match=str(spare)):
        studies.list_studies(store)
    (kept,) = spare.iterdir()
    assert epochs(kept) == 2


def test_a_moved_file_is_whole(store: Store, path: Path, tmp_path: Path):
    """What was still in the log is in it, and the message tells where it is."""
    filled(store)
    moved = tmp_path / "moved.db"
    path.rename(moved)
    with pytest.raises(StoreLost, match=f"moved: resume with --storage sqlite:///{moved}$"):
        studies.list_studies(store)
    store.close()
    assert not list(path.parent.glob("*.kept-*"))
    shutil.copy(moved, tmp_path / "alone.db")
    assert epochs(tmp_path / "alone.db") == 2


def test_the_last_to_notice_keeps_the_most(path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever was within a transaction when another process noticed adds what it wrote."""
    monkeypatch.setattr(connection, "SQLITE_BUSY_TIMEOUT", 0.1)
    store = open_store(f"sqlite:///{path}")
    study = filled(store)
    other = open_store(f"sqlite:///{path}", create=False)
    held = claim(other, study, "eve")
    with other.write() as c:
        path.unlink()
        with pytest.raises(StoreLost):
            studies.list_studies(store)
        leases.hold(other, c, held, epoch=7)
    with pytest.raises(StoreLost):
        studies.list_studies(other)
    other.close()
    store.close()
    (kept,) = path.parent.glob("*.kept-*")
    assert epochs(kept, 1) == 7


def test_a_file_that_was_overwritten_is_said_to_be_damaged(store: Store, path: Path):
    """The same file with other bytes: no worker waits for it to come back."""
    filled(store)
    store.engine.dispose()
    for log in path.parent.glob("store.db-*"):
        log.unlink()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreLost, match=r"^Expected a usable database[^\n]*not a database"):
        studies.list_studies(store)


def test_tables_that_are_gone_are_said_to_be(store: Store, path: Path):
    """An empty database in its place is not waited for either."""
    study = filled(store)
    with store.engine.begin() as c:
        c.exec_driver_sql("DROP TABLE tuner_leases")
    with pytest.raises(StoreLost, match="no such table"):
        claiming.claim(store, study, "ada")
