"""Which workers a supervisor kills, restarts and gives up."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from storage import workers
from storage.database import schema
from storage.database.engine import Store
from storage.studies import Study
from tests.support.polling import PATIENCE
from tests.support.stores import claim, make
from tuner.workers import exit_codes, supervisor
from tuner.workers.exit_codes import WAITING
from tuner.workers.liveness import LifeSigns
from tuner.workers.supervisor import MAX_FRUITLESS, SILENT_LOOKS, Supervisor

LEASE = 30.0  # seconds
WORKER = "2d2f3c4c-0000-4000-8000-000000000000"


@pytest.fixture
def study(store: Store) -> Study:
    return make(store, lease_seconds=LEASE)


class Supervised:
    """A real process that does nothing, in a supervisor's only seat."""

    def __init__(self, store: Store, study: Study, folder: Path) -> None:
        self.store, self.study, self.now = store, study, 0.0
        self.output = (folder / "output").open("w+b")
        self.supervisor = Supervisor(store, study, workers=1, threads=1)
        (self.slot,) = self.supervisor._slots
        self.slot.process = subprocess.Popen(["sleep", "600"])
        self.slot.worker_id, self.slot.output = WORKER, self.output
        self.slot.signs = LifeSigns(
            self.slot.process.pid, Path(self.output.name), clock=lambda: self.now
        )

    def enter(self) -> None:
        workers.enter(
            self.store, self.study, worker_id=WORKER, host="ada", pid=1, device="1 thread"
        )

    def pass_a_lease(self, *, beats: bool, renews: bool, touches: bool) -> None:
        """Time goes by, in which the worker did nothing but this."""
        self.now += 2 * LEASE
        with self.store.write() as c:
            age = 0 if beats else 2 * LEASE
            c.execute(schema.workers.update().values(seen_at=self.store.now - age))
            expiry = LEASE if renews else -1.0
            c.execute(schema.leases.update().values(expires_at=self.store.now + expiry))
        if touches:
            os.utime(self.output.name, (self.now, self.now))

    @property
    def alive(self) -> bool:
        assert self.slot.process is not None
        return self.slot.process.poll() is None

    def end(self) -> None:
        assert self.slot.process is not None
        self.slot.process.kill()
        self.slot.process.wait()
        self.output.close()


@pytest.fixture
def supervised(store: Store, study: Study, tmp_path: Path) -> Iterator[Supervised]:
    made = Supervised(store, study, tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize(
    ("beats", "renews", "touches"), list(itertools.product([False, True], repeat=3))
)
def test_only_who_shows_nothing_is_killed(
    supervised: Supervised, beats: bool, renews: bool, touches: bool
):
    """Each of the three alone keeps a worker alive, for ever; without any it lives one look."""
    supervised.enter()
    claim(supervised.store, supervised.study, WORKER)
    for look in range(SILENT_LOOKS):
        assert supervised.alive, f"killed after look {look}"
        supervised.pass_a_lease(beats=beats, renews=renews, touches=touches)
        supervised.supervisor._check_workers()
    if not (beats or renews or touches):
        assert supervised.slot.process is not None
        supervised.slot.process.wait(PATIENCE)
    assert supervised.alive == (beats or renews or touches)


def test_who_has_not_begun_is_not_judged(supervised: Supervised):
    """Data may take as long to load as they want: there is no sign to be missed yet."""
    for _ in range(2 * SILENT_LOOKS):
        supervised.now += 1000 * LEASE
        supervised.supervisor._check_workers()
    assert supervised.alive


def test_who_waits_for_the_store_is_told_of_once(supervised: Supervised):
    """Why a worker does not begin is not to be guessed."""
    supervised.output.write(f"{WAITING}Expected a free connection.\n".encode())
    supervised.output.flush()
    supervised.supervisor._check_workers()
    supervised.supervisor._check_workers()
    assert supervised.supervisor.waiting == ["Expected a free connection."]
    assert supervised.supervisor.failures == []


def test_a_store_that_is_away_kills_nobody(supervised: Supervised, monkeypatch: pytest.MonkeyPatch):
    """Who cannot be heard is not silent; and looks begin anew."""
    from storage.errors import StoreUnreachable

    def away(*_: object) -> None:
        raise StoreUnreachable("away")

    supervised.enter()
    nothing = {"beats": False, "renews": False, "touches": False}
    for _ in range(3):
        supervised.pass_a_lease(**nothing)
        supervised.supervisor._check_workers()
        with monkeypatch.context() as broken:
            broken.setattr(workers, "list_workers", away)
            supervised.supervisor._check_workers()
    assert supervised.alive


class Crashing:
    """Workers that enter the store, claim a trial or not, and crash with exit code 1."""

    def __init__(self, supervised: Supervised, *, claims: Callable[[int], bool]) -> None:
        self.supervised, self.claims, self.started = supervised, claims, 0

    def spawn(self, slot: Any, *_: object) -> subprocess.Popen[bytes]:
        store, study = self.supervised.store, self.supervised.study
        workers.enter(store, study, worker_id=slot.worker_id, host="ada", pid=1, device="1 thread")
        if self.claims(self.started):
            claim(store, study, slot.worker_id)
        self.started += 1
        return subprocess.Popen(["sh", "-c", "exit 1"])

    def watch(self, monkeypatch: pytest.MonkeyPatch, *, starts: int) -> None:
        """Until the supervisor gives up, or has started so many more."""
        supervisor = self.supervised.supervisor
        monkeypatch.setattr(supervisor, "_spawn", self.spawn)
        self.supervised.end()
        self.supervised.slot.exit_code_file = exit_codes.open_file()
        supervisor._start(self.supervised.slot)
        while self.started < starts and supervisor.watch():
            assert self.supervised.slot.process is not None
            self.supervised.slot.process.wait(PATIENCE)


@pytest.mark.parametrize("life", [0.0, 1000.0], ids=["at once", "after a quarter of an hour"])
def test_a_worker_that_crashes_before_its_first_claim_is_given_up(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch, life: float
):
    """That it entered the store, or lived long, does not count: it would be restarted without end.

    Data that take minutes to load end in a crash as well as code that fails at once.
    """
    clock = itertools.count(time.monotonic(), life)
    turned = SimpleNamespace(monotonic=lambda: next(clock), sleep=time.sleep)
    monkeypatch.setattr(supervisor, "time", turned)
    crashing = Crashing(supervised, claims=lambda start: False)
    crashing.watch(monkeypatch, starts=10)
    assert crashing.started == MAX_FRUITLESS == 3
    assert supervised.supervisor.failures == [
        "3 workers in a row ended before their first trial, the last one with exit code 1: "
        "it printed nothing"
    ]


def test_a_claimed_trial_starts_the_count_anew(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
):
    """Of three workers in a row one got to a trial: the next crashes count from one again."""
    crashing = Crashing(supervised, claims=lambda start: start == MAX_FRUITLESS - 1)
    crashing.watch(monkeypatch, starts=20)
    assert crashing.started == 2 * MAX_FRUITLESS
