"""Stores that go away while real workers train: nothing is lost, nothing is written twice."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import trials
from storage.studies import Study
from tests.conftest import refuse
from tests.support.accounts import unprivileged
from tests.support.namespaces import FarPostgresql, Host, available, two_hosts
from tests.support.nursery import Child, Nursery, nursery
from tests.support.polling import poll
from tests.support.postgresql import ACCOUNTS
from tests.support.servers import DatabaseServer
from tests.support.working import STEADY, Workplace, attempts, epochs, lease, workplace

pytestmark = [pytest.mark.keras, pytest.mark.slow]

EPOCHS = 25
OVERRIDES = (*STEADY, f"epochs={EPOCHS}")
LONG = 300  # epochs of a trial that outlasts two cuts
LOCKED = 20.0  # seconds; the lease is 30


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("nursery")) as made:
        yield made


def assert_undisturbed(place: Workplace, study: Study, workers: list[Child]) -> None:
    """Every trial was run by one worker to its end, with every epoch once."""
    assert [worker.wait(120) for worker in workers] == [0] * len(workers), workers
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


def test_postgresql_restarts(
    postgresql_server: DatabaseServer, postgresql_url: str, processes: Nursery, tmp_path: Path
):
    """A server that crashes and comes back seconds later disturbs no trial."""
    with workplace(postgresql_url, tmp_path, processes) as place:
        study = place.study("restart", budget=4, overrides=OVERRIDES, lease=30.0)
        workers = [place.worker(study) for _ in range(2)]
        poll(at_work(place, study))
        for _ in range(2):
            postgresql_server.stop(crash=True)
            back = time.monotonic() + 3
            poll(lambda back=back: time.monotonic() > back)
            postgresql_server.start()
        assert_undisturbed(place, study, workers)


def test_sqlite_is_locked(processes: Nursery, tmp_path: Path):
    """Another program that holds the file's lock for 20 seconds disturbs no trial."""
    with workplace(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, processes) as place:
        study = place.study("locked", budget=4, overrides=OVERRIDES, lease=30.0)
        workers = [place.worker(study) for _ in range(2)]
        poll(at_work(place, study))
        blocker = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        written = len(epochs(place.store, study))
        until = time.monotonic() + LOCKED
        poll(lambda: time.monotonic() > until, LOCKED + 10)
        assert len(epochs(place.store, study)) == written, "the lock holds nobody up"
        blocker.execute("ROLLBACK")
        blocker.close()
        assert_undisturbed(place, study, workers)


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
        nursery(tmp_path, prefix=far.prefix) as far_processes,
        workplace(url, tmp_path, processes) as place,
    ):
        study = place.study("cut", budget=1, overrides=(*STEADY, f"epochs={LONG}"), lease=12.0)
        worker = place.worker(study, nursery=far_processes, url=server.remote(url))
        poll(at_work(place, study, 1), 60)
        far.plug("down")
        before = lease(place.store, study, 0).epoch
        back = time.monotonic() + 6
        poll(lambda: time.monotonic() > back)
        far.plug("up")
        poll(lambda: lease(place.store, study, 0).epoch > before + 10)
        assert lease(place.store, study, 0).token == 1, "a short cut cost the lease"

        far.plug("down")
        other = place.worker(study)
        poll(lambda: lease(place.store, study, 0).token == 2, 60, waiting_for="a take-over")
        taken = lease(place.store, study, 0).epoch
        far.plug("up")
        poll(lambda: lease(place.store, study, 0).epoch > taken, 60)
        assert (worker.wait(200), other.wait(200)) == (0, 0), f"{worker}\n{other}"
        assert "trial 0 is not ours any more" in worker.said
        _assert_taken_over_once(place, study)


def _assert_taken_over_once(place: Workplace, study: Study) -> None:
    lost, again = attempts(place.store, study)
    assert (lost.ended_as, again.ended_as) == ("lost", "complete")
    written: list[Any] = [e for e in epochs(place.store, study) if e.number == 0]
    assert [e.epoch for e in written] == list(range(1, LONG + 1))
    late = [e for e in written if e.token == 1 and e.recorded_at > again.started_at]
    assert late == [], "the lost worker went on writing"
