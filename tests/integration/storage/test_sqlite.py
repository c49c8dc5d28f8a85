"""What is SQLite's own: one file, one writer at a time, readers that hold up nobody."""

from __future__ import annotations

import pickle
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import claiming, leases, studies, trials
from storage.claiming import StudyOver
from storage.database import connection, schema
from storage.database.engine import Store, open_store
from storage.errors import StoreError, StoreUnreachable
from storage.leases import Claim
from tests.support import stores
from tests.support.bulk_studies import fill
from tests.support.concurrency import race
from tests.support.stores import claim, make, report

EPOCHS = 3


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


def work(url: str, name: str) -> None:
    """A worker without training: claims, reports and ends trials until none is left."""
    store = open_store(url)
    (study,) = studies.list_studies(store)
    try:
        while not isinstance(answer := claiming.claim(store, study, name), StudyOver):
            if isinstance(answer, Claim):
                for epoch in range(1, EPOCHS + 1):
                    report(store, answer, epoch, 1 / epoch)
                leases.finish(store, answer, stores.complete(1 / EPOCHS))
    finally:
        store.close()


def test_processes_share_one_file(store: Store, sqlite_url: str):
    """Four processes that write as fast as they can: every trial and epoch is there once."""
    study = make(store, budget=60)
    assert race(work, sqlite_url, "worker", processes=4) == [None] * 4
    done = trials.list_trials(store, study)
    assert [(t.number, t.state, t.epoch, t.attempt) for t in done] == [
        (number, "complete", EPOCHS, 1) for number in range(60)
    ]


def test_a_long_read_holds_up_no_writer(store: Store):
    """While somebody reads, claims and reports go on; the reader sees the moment of its start."""
    study = make(store, budget=9)
    with store.read() as c:
        query = sa.select(sa.func.count()).select_from(schema.optuna_trials)
        assert c.execute(query).scalar_one() == 0
        impatient(store)
        stores.end(store, claim(store, study))
        assert c.execute(query).scalar_one() == 0
    with store.read() as c:
        assert c.execute(query).scalar_one() == 1


def impatient(store: Store) -> None:
    """Lets writes of this store fail where they would have to wait."""
    with store.write() as c:
        c.execute(sa.text("PRAGMA busy_timeout = 0"))


def test_optunas_reads_hold_up_no_writer(store: Store, monkeypatch: pytest.MonkeyPatch):
    """A cold read of a large study by Optuna's own code takes no write lock either."""
    study = make(store, budget=400)
    fill(store, study, finished=300)
    held = claim(store, study)
    reports: list[int] = []

    def in_the_middle(*_: object) -> None:
        if not reports:
            reports.append(1)
            writer = threading.Thread(target=lambda: report(store, held, 1, 0.5))
            writer.start()
            writer.join()
            assert stores.lease(store, held).epoch == 1

    sa.event.listen(store.engine, "after_cursor_execute", in_the_middle)
    assert len(store.optuna.get_all_trials(study.study_id)) == 301
    assert reports


def test_a_write_waits_for_another_one(store: Store, sqlite_url: str):
    """A short lock of another program is waited for."""
    study = make(store)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        claimed: list[int] = []
        waiting = threading.Thread(target=lambda: claimed.append(claim(store, study).number))
        waiting.start()
        waiting.join(0.3)
        assert not claimed
        other.execute("COMMIT")
        waiting.join()
    assert claimed == [0]


def test_a_file_that_stays_locked_is_a_store_that_does_not_answer(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
):
    """One line that a worker may wait over, not an error that ends it."""
    monkeypatch.setattr(connection, "SQLITE_BUSY_TIMEOUT", 0.05)
    store = open_store(sqlite_url)
    study = make(store)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnreachable, match=r"^[^\n]*database is locked[^\n]*$"):
            claiming.claim(store, study, "ada")
    assert claim(store, study).number == 0
    store.close()


def test_a_pickled_storage_keeps_its_settings(store: Store):
    """Optuna's storage of ours may travel to another process: foreign keys, write lock and all."""
    copy = pickle.loads(pickle.dumps(store.optuna))
    try:
        with copy.engine.connect() as c:
            assert c.execute(sa.text("PRAGMA foreign_keys")).scalar() == 1
            assert c.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
            with pytest.raises(sqlite3.OperationalError), closing(_connect(store)) as other:
                other.execute("BEGIN IMMEDIATE")  # the other transaction has the lock already
    finally:
        copy.engine.dispose()


def _connect(store: Store) -> sqlite3.Connection:
    return sqlite3.connect(str(store.url.database), timeout=0, isolation_level=None)


@pytest.mark.parametrize("content", [b"this is no database", b"SQLite format 3\x00" + b"x" * 200])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes):
    """In one line, and the file stays as it is."""
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"^Expected a usable database at [^\n]+$"):
        open_store(f"sqlite:///{file}")
    assert file.read_bytes() == content


def test_who_only_reads_makes_no_file(tmp_path: Path):
    """A mistyped path must not leave an empty database behind."""
    with pytest.raises(StoreError, match=r"^Expected a store that holds studies\. [^\n]+$"):
        open_store(f"sqlite:///{tmp_path}/typo.db", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["with space.db", "100%.db", "größe.db", "a{b}.db"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str):
    """Braces too, which Optuna would fill in."""
    store = open_store(f"sqlite:///{tmp_path}/{name}")
    try:
        make(store)
        assert (tmp_path / name).is_file()
        assert len(store.optuna.get_all_studies()) == 1
    finally:
        store.close()
