"""Stores that go away while real workers train: nothing is lost, nothing is written twice."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from storage import trials
from storage.studies import Study
from tests.conftest import refuse
from tests.support.accounts import unprivileged
from tests.support.fork_server import Child, Nursery
from tests.support.limits import fill_up, tiny_disk
from tests.support.namespaces import FarPostgresql, Host, available, two_hosts
from tests.support.polling import poll
from tests.support.postgresql import ACCOUNTS
from tests.support.servers import DatabaseServer, Unavailable
from tests.support.trouble import make_read_only, terminate
from tests.support.working import STEADY, Workplace, attempts, epochs, lease, workplace

pytestmark = [pytest.mark.keras, pytest.mark.slow]

EPOCHS = 25
OVERRIDES = (*STEADY, f"epochs={EPOCHS}")
LONG = 300  # epochs of a trial that outlasts two cuts
TORMENT = 5.0  # seconds in which connections are cut
LOCKED = 20.0  # seconds; the lease is 30
AWAY, BACK = "the store is away", "the store is back"  # what workers print


def assert_undisturbed(place: Workplace, study: Study, workers: list[Child]) -> None:
    """Every trial was run by one worker to its end, with every epoch once."""
    assert [worker.wait() for worker in workers] == [0] * len(workers), workers
    records = trials.list_trials(place.store, study)
    assert [(t.number, t.state) for t in records] == [(n, "complete") for n in range(study.budget)]
    assert [a.ended_as for a in attempts(place.store, study)] == ["complete"] * study.budget
    written = [(e.number, e.epoch) for e in epochs(place.store, study)]
    assert written == [(n, e) for n in range(study.budget) for e in range(1, EPOCHS + 1)]
    assert place.files(study, "checkpoints") == []


def at_work(place: Workplace, study: Study, count: int = 2) -> Callable[[], bool]:
    """A condition: so many trials are being trained."""

    def met() -> bool:
        rows = [lease(place.store, study, number) for number in range(count)]
        return all(row is not None and row.epoch >= 3 for row in rows)

    return met


def said(workers: list[Child], words: str, times: int = 1) -> Callable[[], bool]:
    """A condition: each worker has printed the words so many times."""
    return lambda: all(worker.said.count(words) >= times for worker in workers)


def test_postgresql_restarts(
    postgresql_server: DatabaseServer, postgresql_url: str, processes: Nursery, tmp_path: Path
):
    """A server that crashes and comes back within a lease disturbs no trial."""
    with workplace(postgresql_url, tmp_path, processes) as place:
        study = place.study("restart", budget=4, overrides=OVERRIDES, lease=30.0)
        workers = [place.worker(study) for _ in range(2)]
        poll(at_work(place, study))
        for restart in (1, 2):
            postgresql_server.stop(crash=True)
            poll(said(workers, AWAY, restart), waiting_for="workers that notice")
            postgresql_server.start()
            poll(said(workers, BACK, restart), waiting_for="workers that go on")
        assert_undisturbed(place, study, workers)


def test_sqlite_is_locked(processes: Nursery, tmp_path: Path):
    """Another program that holds the file's lock until workers give it up disturbs no trial."""
    with workplace(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, processes) as place:
        study = place.study("locked", budget=4, overrides=OVERRIDES, lease=30.0)
        workers = [place.worker(study) for _ in range(2)]
        poll(at_work(place, study))
        blocker = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        written = len(epochs(place.store, study))
        poll(said(workers, AWAY), waiting_for="workers that notice")
        assert len(epochs(place.store, study)) == written, "the lock holds nobody up"
        blocker.execute("ROLLBACK")
        blocker.close()
        assert_undisturbed(place, study, workers)


def test_postgresql_is_tormented(postgresql_url: str, processes: Nursery, tmp_path: Path):
    """Connections that are cut all the time, and a store that is read-only, cost no worker.

    It is read-only for longer than a lease: trials are taken over, epochs are not written twice.
    """
    with workplace(postgresql_url, tmp_path, processes) as place:
        study = place.study("tormented", budget=4, overrides=OVERRIDES, lease=2.0)
        workers = [place.worker(study) for _ in range(2)]
        poll(at_work(place, study))
        over = time.monotonic() + TORMENT
        while time.monotonic() < over:
            terminate(place.store.url)
        make_read_only(place.store.url)
        back = time.monotonic() + 2 * study.lease_seconds
        poll(lambda: time.monotonic() > back)
        assert [worker.poll() for worker in workers] == [None, None], workers
        make_read_only(place.store.url, False)
        assert_exact(place, study, workers)


def assert_exact(place: Workplace, study: Study, workers: list[Child]) -> None:
    """The same workers end all trials, each with every epoch once."""
    assert [worker.wait() for worker in workers] == [0] * len(workers), workers
    records = trials.list_trials(place.store, study)
    assert [(t.number, t.state) for t in records] == [(n, "complete") for n in range(study.budget)]
    written = [(e.number, e.epoch) for e in epochs(place.store, study)]
    assert written == [(n, e) for n in range(study.budget) for e in range(1, EPOCHS + 1)]


def test_sqlite_has_no_room(processes: Nursery, tmp_path: Path):
    """A disk that is full for longer than a lease costs no worker and no epoch."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(tiny_disk(tmp_path / "disk", size="16m"))
        except Unavailable as e:
            refuse(f"a full disk is not tested: {e}", required=False)
        url = f"sqlite:///{disk / 'store.db'}"
        with workplace(url, tmp_path, processes) as place:
            study = place.study("no-room", budget=4, overrides=OVERRIDES, lease=2.0)
            workers = [place.worker(study) for _ in range(2)]
            poll(at_work(place, study))
            fill_up(disk / "filler")
            back = time.monotonic() + 2 * study.lease_seconds
            poll(lambda: time.monotonic() > back)
            assert [worker.poll() for worker in workers] == [None, None], workers
            (disk / "filler").unlink()
            assert_exact(place, study, workers)


def test_sqlite_is_deleted(processes: Nursery, tmp_path: Path):
    """Workers say so and exit with 2; what was in the store is kept, and gone on with."""
    path = tmp_path / "store.db"
    with workplace(f"sqlite:///{path}", tmp_path, processes) as place:
        study = place.study("deleted", budget=3, overrides=OVERRIDES, lease=2.0)
        workers = [place.worker(study) for _ in range(2)]
        poll(at_work(place, study))
        path.unlink()
        assert [worker.wait() for worker in workers] == [2, 2], workers
        assert all("Error: Expected the file of the store to stay" in w.said for w in workers)
        assert not path.exists()
    (kept,) = tmp_path.glob("store.db.kept-*")
    kept.rename(path)
    with workplace(f"sqlite:///{path}", tmp_path, processes) as place:
        assert len(epochs(place.store, study)) >= 6
        assert_exact(place, study, [place.worker(study)])


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts of our own on this machine: a server's and a worker's."""
    if not available():
        refuse("a cut cable is not tested: expected to be root on Linux, with ip", required=False)
    with two_hosts() as made:
        yield made


def test_a_cut_cable(hosts: tuple[Host, Host], processes: Nursery, tmp_path: Path):
    """A short cut disturbs nothing; after a long one another host has the trial, and keeps it."""
    near, far = hosts
    with (
        FarPostgresql(unprivileged(*ACCOUNTS), near) as server,
        server.database() as url,
        workplace(url, tmp_path, processes) as place,
    ):
        study = place.study("cut", budget=1, overrides=(*STEADY, f"epochs={LONG}"), lease=20.0)
        worker = place.worker(study, host=far.name, url=server.remote(url))
        poll(at_work(place, study, 1))
        far.plug("down")
        before = lease(place.store, study, 0).epoch
        poll(said([worker], AWAY), waiting_for="a worker that notices")
        far.plug("up")
        poll(lambda: lease(place.store, study, 0).epoch > before + 10)
        assert lease(place.store, study, 0).token == 1, "a short cut cost the lease"

        far.plug("down")
        other = place.worker(study)
        poll(lambda: lease(place.store, study, 0).token == 2, waiting_for="a take-over")
        taken = lease(place.store, study, 0).epoch
        far.plug("up")
        poll(lambda: lease(place.store, study, 0).epoch > taken)
        assert (worker.wait(), other.wait()) == (0, 0), f"{worker}\n{other}"
        assert "the lease on trial 0 is lost" in worker.said
        _assert_taken_over_once(place, study)


def _assert_taken_over_once(place: Workplace, study: Study) -> None:
    lost, again = attempts(place.store, study)
    assert (lost.ended_as, again.ended_as) == ("lost", "complete")
    written: list[Any] = [e for e in epochs(place.store, study) if e.number == 0]
    assert [e.epoch for e in written] == list(range(1, LONG + 1))
    late = [e for e in written if e.token == 1 and e.recorded_at > again.started_at]
    assert late == [], "the lost worker went on writing"
