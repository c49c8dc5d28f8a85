"""What stands between a trial's training and the store, with stores that really go away."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from storage import connection, leases, studies, trials
from storage.engine import Store, open_store
from storage.errors import LeaseLost
from storage.leases import Claim, Order
from storage.outcomes import Outcome
from storage.pruning import PruningRule
from storage.studies import Study
from tests.support.polling import poll
from tests.support.servers import DatabaseServer
from tuner.trial.courier import Courier, Report

NEVER = PruningRule(kind="none")
Open = Callable[..., Courier]


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
            store: Store, claim: Claim, rule: PruningRule = NEVER, *, stall: float = 600
        ) -> Courier:
            courier = Courier(store, claim, rule, stall=stall, beat=lambda: None)
            stack.callback(courier.close)
            return courier

        yield start


def _claim(store: Store, study: Study) -> Claim:
    claim = leases.claim(store, study, "worker")
    assert isinstance(claim, Claim)
    return claim


def _study(store: Store, *, lease: float = 30.0) -> Study:
    return studies.create(store, name="s", spec={}, budget=4, lease_seconds=lease)


def _report(epoch: int) -> Report:
    return Report(epoch, 1 / epoch, {"loss": 2 / epoch})


def test_reports_arrive_in_order(opened: Store, carry: Open) -> None:
    """Everything that was reported stands in the store once the courier has settled."""
    claim = _claim(opened, _study(opened))
    courier = carry(opened, claim)
    for epoch in range(1, 21):
        courier.report(_report(epoch))
    courier.settle()
    curve = trials.curve(opened, claim.trial_id)
    assert [point["epoch"] for point in curve] == list(range(1, 21))
    assert [point["loss"] for point in curve] == [2 / epoch for epoch in range(1, 21)]


def test_a_hopeless_trial_is_told_so(opened: Store, carry: Open) -> None:
    """The pruning answer of the store comes back."""
    study = _study(opened)
    rule = PruningRule(kind="median", warmup=1, startup=1)
    first, second = _claim(opened, study), _claim(opened, study)
    good, bad = carry(opened, first, rule), carry(opened, second, rule)
    good.report(Report(1, 0.1, {}))
    good.settle()
    bad.report(Report(1, 0.9, {}))
    bad.settle()
    assert bad.prune
    assert not good.prune


@pytest.mark.parametrize(
    ("change", "order"), [(studies.pause, Order.GIVE_BACK), (studies.stop, Order.GIVE_BACK)]
)
def test_orders_come_with_renewals(
    opened: Store, carry: Open, change: Callable[[Store, Study], Study], order: Order
) -> None:
    """Pausing or stopping a study reaches a trial without a report."""
    study = _study(opened, lease=1.5)
    courier = carry(opened, _claim(opened, study))
    change(opened, study)
    assert poll(lambda: courier.order is order, 10)


def test_renewals_keep_the_lease_beyond_its_length(opened: Store, carry: Open) -> None:
    """A trial that reports nothing for several leases stays with its worker."""
    study = _study(opened, lease=0.6)
    claim = _claim(opened, study)
    courier = carry(opened, claim)
    renewed = threading.Event()
    threading.Timer(2.0, renewed.set).start()
    renewed.wait()
    assert courier.lost is None
    leases.finish(opened, claim, Outcome(state="complete", value=1.0))


def test_a_deleted_study_is_noticed(opened: Store, carry: Open) -> None:
    """Deleting the study behind a trial's back makes it stop."""
    study = _study(opened, lease=1.5)
    courier = carry(opened, _claim(opened, study))
    studies.delete(opened, study)
    assert poll(lambda: courier.lost, 10)


def test_training_that_hangs_loses_its_lease(opened: Store, carry: Open) -> None:
    """Without a sign of progress the lease runs out, and another worker takes over."""
    study = _study(opened, lease=1.0)
    claim = _claim(opened, study)
    courier = carry(opened, claim, stall=0.5)
    assert "no sign of progress" in poll(lambda: courier.lost, 10)
    taken = poll(lambda: _taken_over(opened, study, claim), 10)
    assert taken.token == claim.token + 1


def _taken_over(store: Store, study: Study, claim: Claim) -> Claim | None:
    again = leases.claim(store, study, "another")
    return again if isinstance(again, Claim) and again.number == claim.number else None


def test_reports_wait_for_a_locked_sqlite_file(
    sqlite_url: str, carry: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training goes on while another program holds the file's lock; then all is written."""
    monkeypatch.setattr(connection, "SQLITE_BUSY_TIMEOUT", 0.1)
    store = open_store(sqlite_url)
    claim = _claim(store, _study(store))
    courier = carry(store, claim)
    blocker = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    for epoch in range(1, 4):
        courier.report(_report(epoch))
    poll(lambda: courier.away, 10)
    courier.settle(unanswered=1)  # returns, although nothing is answered
    assert trials.curve(store, claim.trial_id) == []
    blocker.execute("ROLLBACK")
    courier.settle()
    assert [point["epoch"] for point in trials.curve(store, claim.trial_id)] == [1, 2, 3]
    blocker.close()
    store.close()


def test_a_server_that_restarts_loses_no_report(
    postgresql_server: DatabaseServer, postgresql_url: str, carry: Open
) -> None:
    """Reports wait in order while PostgreSQL is down, and are written once when it is back."""
    store = open_store(postgresql_url)
    claim = _claim(store, _study(store))
    courier = carry(store, claim)
    courier.report(_report(1))
    courier.settle()
    postgresql_server.stop(crash=True)
    for epoch in range(2, 6):
        courier.report(_report(epoch))
    poll(lambda: courier.away, 10)
    postgresql_server.start()
    courier.settle()
    assert [point["epoch"] for point in trials.curve(store, claim.trial_id)] == [1, 2, 3, 4, 5]
    courier.persist(lambda: leases.finish(store, claim, Outcome(state="complete", value=0.2)))
    store.close()


def test_a_store_away_for_longer_than_the_lease_ends_the_claim(
    postgresql_server: DatabaseServer, postgresql_url: str, carry: Open
) -> None:
    """After that another worker may have the trial: nothing is written any more."""
    store = open_store(postgresql_url)
    claim = _claim(store, _study(store, lease=2.0))
    courier = carry(store, claim)
    postgresql_server.stop(crash=True)
    courier.report(_report(1))
    assert "longer than the lease" in poll(lambda: courier.lost, 20)
    with pytest.raises(LeaseLost):
        courier.persist(lambda: leases.renew(store, claim))
    postgresql_server.start()
    assert trials.curve(store, claim.trial_id) == []
    store.close()
