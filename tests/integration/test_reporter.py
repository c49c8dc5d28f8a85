"""What stands between a trial's training and the store, with stores that really go away."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from storage import claiming, leases, studies, study_states, trials
from storage.database import connection
from storage.database.engine import Store, open_store
from storage.errors import LeaseLost
from storage.leases import Claim, WorkerCommand
from storage.outcomes import Failure, Outcome
from storage.pruning import MedianRule, NoPruning, PruningRule
from storage.studies import Study
from tests.support import stores
from tests.support.polling import poll
from tests.support.servers import DatabaseServer
from tests.support.stores import lease
from tuner.trials.reporter import Report, Reporter

NEVER = NoPruning()
Open = Callable[..., Reporter]


@pytest.fixture
def opened(store_url: str) -> Iterator[Store]:
    store = open_store(store_url)
    yield store
    store.close()


@pytest.fixture
def carry() -> Iterator[Open]:
    """Starts couriers and closes them after the test."""
    with ExitStack() as stack:

        def start(
            store: Store,
            claim: Claim,
            rule: PruningRule = NEVER,
            *,
            stall: float = 600,
            hung: Callable[[], None] = lambda: None,
        ) -> Reporter:
            reporter = Reporter(store, claim, rule, stall=stall, beat=lambda: None, hung=hung)
            stack.callback(reporter.close)
            return reporter

        yield start


def _claim(store: Store, study: Study) -> Claim:
    claim = claiming.claim(store, study, "worker")
    assert isinstance(claim, Claim)
    return claim


def _study(store: Store, *, lease: float = 30.0) -> Study:
    return studies.create(store, name="s", spec={}, budget=4, lease_seconds=lease)


def _report(epoch: int) -> Report:
    return Report(epoch, 1 / epoch, {"loss": 2 / epoch})


def test_reports_arrive_in_order(opened: Store, carry: Open) -> None:
    """Everything that was reported stands in the store once the courier has settled."""
    claim = _claim(opened, _study(opened))
    reporter = carry(opened, claim)
    for epoch in range(1, 21):
        reporter.report(_report(epoch))
    reporter.flush()
    curve = trials.curve(opened, claim.trial_id)
    assert [point["epoch"] for point in curve] == list(range(1, 21))
    assert [point["loss"] for point in curve] == [2 / epoch for epoch in range(1, 21)]


def test_a_hopeless_trial_is_told_so(opened: Store, carry: Open) -> None:
    """The pruning answer of the store comes back."""
    study = _study(opened)
    rule = MedianRule(warmup=1, startup=1)
    first, second = _claim(opened, study), _claim(opened, study)
    good, bad = carry(opened, first, rule), carry(opened, second, rule)
    good.report(Report(1, 0.1, {}))
    good.flush()
    bad.report(Report(1, 0.9, {}))
    bad.flush()
    assert bad.prune
    assert not good.prune


@pytest.mark.parametrize(
    ("change", "order"),
    [(study_states.pause, WorkerCommand.GIVE_BACK), (study_states.stop, WorkerCommand.GIVE_BACK)],
)
def test_orders_come_with_renewals(
    opened: Store,
    carry: Open,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Store, Study], Study],
    order: WorkerCommand,
) -> None:
    """Pausing or stopping a study reaches a trial without a report."""
    monkeypatch.setattr("tuner.trials.reporter.RENEWALS", 240)
    study = _study(opened, lease=60.0)
    reporter = carry(opened, _claim(opened, study))
    change(opened, study)
    assert poll(lambda: reporter.command is order)


def test_renewals_keep_the_lease_beyond_its_length(opened: Store, carry: Open) -> None:
    """A trial that reports nothing for longer than a lease stays with its worker."""
    study = _study(opened, lease=4.0)
    claim = _claim(opened, study)
    first = lease(opened, claim).expires_at
    reporter = carry(opened, claim)
    poll(lambda: lease(opened, claim).expires_at > first + study.lease_seconds)
    assert reporter.lost is None
    leases.finish(opened, claim, Outcome(state="complete", value=1.0))


def test_a_deleted_study_is_noticed(opened: Store, carry: Open) -> None:
    """Deleting the study behind a trial's back makes it stop."""
    study = _study(opened, lease=1.5)
    reporter = carry(opened, _claim(opened, study))
    studies.delete(opened, study)
    assert poll(lambda: reporter.lost)


def test_training_that_hangs_loses_its_lease(opened: Store, carry: Open) -> None:
    """Without a sign of progress the lease runs out, and another worker takes over."""
    study = _study(opened, lease=4.0)
    claim = _claim(opened, study)
    reporter = carry(opened, claim, stall=0.5)
    assert "made no progress" in poll(lambda: reporter.lost)
    taken = poll(lambda: _taken_over(opened, study, claim))
    assert taken.token == claim.token + 1


def test_training_that_hangs_is_ended_although_its_trial_was_lost_before(
    opened: Store, carry: Open
) -> None:
    """Code that hangs in a trial that somebody else has ended is noticed as well."""
    study = _study(opened, lease=1.0)
    claim = _claim(opened, study)
    hung = threading.Event()
    reporter = carry(opened, claim, stall=2.0, hung=hung.set)
    ended = Outcome(state="failed", failure=Failure(kind="lost", message="ended"))
    leases.finish(opened, claim, ended)
    poll(lambda: reporter.lost)
    assert poll(hung.is_set)


def _taken_over(store: Store, study: Study, claim: Claim) -> Claim | None:
    again = claiming.claim(store, study, "another")
    return again if isinstance(again, Claim) and again.number == claim.number else None


def test_reports_wait_for_a_locked_sqlite_file(
    sqlite_url: str, carry: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training goes on while another program holds the file's lock; then all is written."""
    monkeypatch.setattr(connection, "SQLITE_BUSY_TIMEOUT", 0.1)
    store = open_store(sqlite_url)
    claim = _claim(store, _study(store))
    reporter = carry(store, claim)
    blocker = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    for epoch in range(1, 4):
        reporter.report(_report(epoch))
    poll(lambda: reporter.away)
    reporter.flush(unanswered=1)  # returns, although nothing is answered
    assert trials.curve(store, claim.trial_id) == []
    blocker.execute("ROLLBACK")
    reporter.flush()
    assert [point["epoch"] for point in trials.curve(store, claim.trial_id)] == [1, 2, 3]
    blocker.close()
    store.close()


def test_a_server_that_restarts_loses_no_report(
    postgresql_server: DatabaseServer, postgresql_url: str, carry: Open
) -> None:
    """Reports wait in order while PostgreSQL is down, and are written once when it is back."""
    store = open_store(postgresql_url)
    claim = _claim(store, _study(store))
    reporter = carry(store, claim)
    reporter.report(_report(1))
    reporter.flush()
    postgresql_server.stop(crash=True)
    for epoch in range(2, 6):
        reporter.report(_report(epoch))
    poll(lambda: reporter.away)
    postgresql_server.start()
    reporter.flush()
    assert [point["epoch"] for point in trials.curve(store, claim.trial_id)] == [1, 2, 3, 4, 5]
    reporter.persist(lambda: leases.finish(store, claim, Outcome(state="complete", value=0.2)))
    store.close()


def test_a_store_away_for_longer_than_the_lease_ends_the_claim(
    postgresql_server: DatabaseServer, postgresql_url: str, carry: Open
) -> None:
    """After that another worker may have the trial: nothing is written any more."""
    store = open_store(postgresql_url)
    claim = _claim(store, _study(store, lease=4.0))
    reporter = carry(store, claim)
    postgresql_server.stop(crash=True)
    reporter.report(_report(1))
    assert "longer than the lease" in poll(lambda: reporter.lost)
    with pytest.raises(LeaseLost):
        reporter.persist(lambda: leases.renew(store, claim))
    postgresql_server.start()
    assert trials.curve(store, claim.trial_id) == []
    store.close()


def test_a_checkpoint_waits_for_the_reports_before_it(store: Store):
    """Whoever resumed from it would never report them; of a lost trial it is not kept."""
    held = stores.claim(store, stores.make(store))
    reporter = Reporter(store, held, NoPruning(), stall=60.0, beat=lambda: None)
    reporter.report(Report(1, 0.5, {}))
    reporter.wait_until_reported()
    assert [row["epoch"] for row in trials.curve(store, held.trial_id)] == [1]
    reporter.close()
    reporter.report(Report(2, 0.4, {}))
    with pytest.raises(LeaseLost):
        reporter.wait_until_reported()
