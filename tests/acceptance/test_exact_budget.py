"""The budget is exact: real processes, killed at random, also between two statements."""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess

import pytest
import sqlalchemy as sa

from storage import studies, trials
from storage.database import schema
from storage.database.engine import Store
from storage.lost_workers import MAX_LOSSES
from tests.support import crash_worker
from tests.support.bulk_studies import SPACE
from tests.support.concurrency import forked
from tests.support.polling import poll
from tests.support.stores import make

BUDGET = 60
PROCESSES = 4
LEASE = 2.0  # seconds: so long a trial waits after its worker was killed
KILL_PAUSE = (0.2, 1.5)  # seconds between two kills from outside
KILLS = 20  # from outside: on a busy machine they would be most of the work


class Herd:
    """Four workers that are replaced whenever they die, until one of them finds no more work.

    They are forked from a server that has imported everything: being killed again and again,
    they would spend all their lives on importing.
    """

    def __init__(self, url: str, study: str, seed: int) -> None:
        self._context = forked()
        self._arguments = (url, study)
        self._rng = random.Random(seed)
        self._alive: list[ForkServerProcess] = []
        self._next_kill = 0.0
        self._kills = 0
        self.killed = 0

    def over(self) -> bool:
        """Buries the dead, starts others in their place, kills one now and then."""
        dead = [worker for worker in self._alive if worker.exitcode is not None]
        for worker in dead:
            self._alive.remove(worker)
            assert worker.exitcode in (0, -signal.SIGKILL)
            self.killed += worker.exitcode != 0
        if any(worker.exitcode == 0 for worker in dead):
            return True
        while len(self._alive) < PROCESSES:
            self._alive.append(self._start())
        self._kill_sometimes()
        return False

    def _start(self) -> ForkServerProcess:
        arguments = (*self._arguments, self._rng.randrange(2**31))
        worker = self._context.Process(target=crash_worker.main, args=arguments, daemon=True)
        worker.start()
        return worker

    def _kill_sometimes(self) -> None:
        if self._kills < KILLS and time.monotonic() > self._next_kill:
            if self._next_kill:
                self._rng.choice(self._alive).kill()
                self._kills += 1
            self._next_kill = time.monotonic() + self._rng.uniform(*KILL_PAUSE)

    def close(self) -> None:
        for worker in self._alive:
            worker.kill()
            worker.join()


@contextmanager
def herd(url: str, study: str, seed: int) -> Iterator[Herd]:
    started = Herd(url, study, seed)
    try:
        yield started
    finally:
        started.close()


@pytest.mark.slow
def test_sixty_trials_are_sixty_trials(store: Store, store_url: str):
    """Numbers 0 to 59, each ended once, however often workers were killed; no row is left over."""
    study = make(store, budget=BUDGET, lease_seconds=LEASE)
    with herd(store_url, study.name, seed=59) as workers:
        poll(workers.over, waiting_for="a worker that finds no more work")
    assert workers.killed >= 10  # otherwise this has shown nothing

    done = studies.refresh(store, study)
    assert (done.state, done.reason) == (studies.FINISHED, studies.BUDGET_USED)
    records = trials.list_trials(store, study)
    assert [record.number for record in records] == list(range(BUDGET))
    for record in records:
        # A trial that took five workers with it is given up: rare, and not run a sixth time.
        assert record.state in ("complete", "pruned") or record.attempt >= MAX_LOSSES, record
    check_promotions(records)
    check_optuna(store, records)
    check_rows(store)
    for record in records:
        check_attempts(store, record)


def check_promotions(records: list[trials.TrialRecord]) -> None:
    """The best third went all their way; what rested to the end has its one epoch."""
    first = {r.number: crash_worker.loss(r.hyperparameters, 1) for r in records if r.epoch}
    for number in sorted(first, key=lambda n: (first[n], n))[: len(first) // 3]:
        assert records[number].state != "pruned", records[number]
    for record in records:
        assert record.state != "pruned" or record.epoch == 1, record


def check_optuna(store: Store, records: list[trials.TrialRecord]) -> None:
    """Optuna sees the same: all ended, with every parameter, curve and value."""
    for record in records:
        trial = store.optuna.get_trial(record.trial_id)
        assert trial.state.is_finished()
        if record.state != "failed":
            assert trial.params.keys() == SPACE.keys()
            epochs = crash_worker.EPOCHS if record.state == "complete" else 1
            curve = {
                epoch: crash_worker.loss(trial.params, epoch) for epoch in range(1, epochs + 1)
            }
            assert trial.intermediate_values == pytest.approx(curve)
            assert trial.value == record.value == pytest.approx(min(curve.values()))


def check_rows(store: Store) -> None:
    """Every trial has its rows of ours, and no row of ours is without its trial."""
    with store.read() as c:
        ids = set(c.execute(sa.select(schema.optuna_trials.c.trial_id)).scalars())
        for table in (schema.leases, schema.trials, schema.attempts):
            assert set(c.execute(sa.select(table.c.trial_id)).scalars()) == ids
        for table in (schema.epochs, schema.rungs):
            assert set(c.execute(sa.select(table.c.trial_id)).scalars()) <= ids
        states = c.execute(sa.select(schema.leases.c.state).distinct()).scalars().all()
        assert states == ["ended"]


def check_attempts(store: Store, record: trials.TrialRecord) -> None:
    """One after the other, lost or rested but for the last one; each wrote only with the lease."""
    attempt, epoch = schema.attempts.c, schema.epochs.c
    with store.read() as c:
        query = sa.select(schema.attempts).where(attempt.trial_id == record.trial_id)
        attempts = c.execute(query.order_by(attempt.token)).all()
        query = sa.select(schema.epochs).where(epoch.trial_id == record.trial_id)
        epochs = c.execute(query.order_by(epoch.epoch)).all()
    assert [row.token for row in attempts] == list(range(1, record.attempt + 1))
    last = {"complete": "complete", "pruned": "rested", "failed": "lost"}[record.state]
    assert attempts[-1].ended_as == last
    assert {row.ended_as for row in attempts[:-1]} <= {"lost", "rested"}
    for earlier, later in itertools.pairwise(attempts):
        assert earlier.ended_at <= later.started_at
    by_token = {row.token: row for row in attempts}
    for row in epochs:
        writer = by_token[row.token]
        assert writer.started_at <= row.recorded_at <= writer.ended_at
