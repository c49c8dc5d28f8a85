"""Studies in the store: made, found, changed, deleted."""

from __future__ import annotations

import json
import threading
import time

import optuna
import pytest
import sqlalchemy as sa

from storage import (
    leases,
    lost_workers,
    overview,
    studies,
    study_states,
    trial_actions,
    trials,
)
from storage.database import connection, schema, url
from storage.database.engine import Store, open_store
from storage.errors import StoreError, StudyGone, UnknownStudy
from storage.outcomes import ended_by_hand
from storage.studies import Limits
from tests.support import stores
from tests.support.bulk_studies import fill
from tests.support.stores import claim, expire, failed, make, report

pytestmark = pytest.mark.mariadb

ROUNDED = 0.01  # seconds: databases keep no more digits of a time


def test_a_study_is_read_as_it_was_made(store: Store):
    """Name, definition, budget, limits; its time of birth by the database's clock."""
    spec = {"space": "mlp", "overrides": ["units=32..64"], "größe": [1, 2.5, None, True]}
    limits = Limits(target=0.1, patience=7, timeout=3600.0)
    before = time.time()
    study = studies.create(
        store, name="digits é", spec=spec, budget=20, lease_seconds=12.5, limits=limits
    )
    assert studies.load(store, "digits é") == study
    assert (study.spec, study.budget, study.lease_seconds) == (spec, 20, 12.5)
    assert (study.limits, study.state, study.reason) == (limits, "running", None)
    assert study.deadline == pytest.approx(study.created_at + 3600, abs=5)
    assert before - ROUNDED <= study.created_at <= time.time() + ROUNDED


def test_optuna_knows_the_study(store: Store):
    """Its API and its dashboard see a study that minimises one value."""
    study = make(store)
    seen = optuna.load_study(study_name="study", storage=store.optuna)
    assert seen.direction == optuna.study.StudyDirection.MINIMIZE
    assert seen.user_attrs == {schema.UUID_ATTRIBUTE: study.uuid}


def test_a_name_is_given_once(store: Store):
    """One line says so, and nothing is half-made."""
    make(store)
    before = stores.counts(store)
    with pytest.raises(StoreError, match=r"^Expected a new name[^\n]+--study\.$"):
        make(store)
    assert stores.counts(store) == before


def test_a_name_that_does_not_fit_is_refused(store: Store):
    """In one line, on every database alike."""
    with pytest.raises(StoreError, match=r"^Expected a study name of 1 to \d+ characters"):
        make(store, "x" * 600)
    assert stores.counts(store) == {}


def test_an_unknown_name_suggests_close_ones(store: Store):
    """A typing mistake is likely."""
    make(store, "mlp-digits")
    with pytest.raises(UnknownStudy, match="Did you mean mlp-digits"):
        studies.load(store, "mlp-digit")
    with pytest.raises(UnknownStudy, match="tuner list"):
        studies.load(store, "something else")


def test_studies_are_listed_oldest_first(store: Store):
    """Those that Optuna made alone are not ours to list."""
    for name in ("b", "a", "c"):
        make(store, name)
    optuna.create_study(study_name="foreign", storage=store.optuna)
    assert [study.name for study in studies.list_studies(store)] == ["b", "a", "c"]


def test_extend_raises_the_budget_while_workers_are_at_it(store: Store):
    """A running trial goes on; the next numbers follow."""
    study = make(store, budget=1)
    held = claim(store, study)
    assert study_states.extend(store, study, by=2).budget == 3
    assert [claim(store, study).number for _ in range(2)] == [1, 2]
    stores.end(store, held)
    assert studies.refresh(store, study).state == "running"


def test_a_glance_counts_every_trial_once(store: Store):
    """All states together are the budget."""
    study = make(store, budget=9)
    stores.end(store, claim(store, study), 0.5)
    stores.end(store, claim(store, study), 0.25)
    pruned = claim(store, study)
    report(store, pruned, 1, 0.1)
    trial_actions.end_trial(store, study, pruned.number)
    leases.finish(store, pruned, ended_by_hand(0.1))
    leases.finish(store, claim(store, study), failed())
    expire(store, claim(store, study, "lost"))
    trial_actions.enqueue(store, study, {"x": 1})
    leases.give_back(store, claim(store, study), seconds=1.0)  # the lost one's
    claim(store, study)
    seen = overview.status(store, study)
    assert seen.trials == overview.Counts(
        complete=2, pruned=1, failed=1, running=1, waiting=1, unstarted=3
    )
    assert seen.best is not None
    assert (seen.best.number, seen.best.value) == (1, 0.25)
    assert [trial.state for trial in trials.list_trials(store, study)] == [
        "complete",
        "complete",
        "pruned",
        "failed",
        "running",
        "waiting",
    ]


def test_a_trial_of_a_live_worker_is_asked_to_end(store: Store):
    """The worker hears of it with its next renewal."""
    study = make(store)
    held = claim(store, study)
    assert trial_actions.end_trial(store, study, 0) == "asked"
    assert leases.renew(store, held) is leases.WorkerCommand.END


def test_a_trial_that_was_to_end_is_not_taken_over(store: Store):
    """Its worker was lost, or gave it back, before it learned so: it ends as it would have."""
    study = make(store, budget=4)
    lost, silent, returned = (claim(store, study, name) for name in ("ada", "bob", "eve"))
    report(store, lost, 1, 0.5)
    for held in (lost, silent, returned):
        assert trial_actions.end_trial(store, study, held.number) == "asked"
    lost_workers.release_dead_worker(store, study, "ada")
    expire(store, silent)
    leases.give_back(store, returned, seconds=1.0)
    assert claim(store, study, "next").number == 3
    ended = trials.list_trials(store, study)[:3]
    assert [(t.state, t.value, t.attempt) for t in ended] == [
        ("pruned", 0.5, 1),
        ("failed", None, 1),
        ("failed", None, 1),
    ]
    assert {t.failure.kind for t in ended[1:] if t.failure} == {"ended"}


def test_a_trial_without_a_worker_is_ended_at_once(store: Store):
    """Pruned with its best value; failed without any; once only."""
    study = make(store, budget=2)
    good, bad = claim(store, study, "ada"), claim(store, study, "bob")
    report(store, good, 1, 0.5)
    for held in (good, bad):
        expire(store, held)
        assert trial_actions.end_trial(store, study, held.number) == "ended"
    first, second = trials.list_trials(store, study)
    assert (first.state, first.value) == ("pruned", 0.5)
    assert second.state == "failed"
    assert studies.refresh(store, study).reason == studies.BUDGET_USED
    with pytest.raises(StoreError, match="has not ended"):
        trial_actions.end_trial(store, study, 0)


def test_an_enqueued_trial_is_next_and_inside_the_budget(store: Store):
    """It waits with its parameters; a full study takes none."""
    study = make(store, budget=2)
    assert trial_actions.enqueue(store, study, {"x": 0.25}) == 0
    held = claim(store, study)
    assert held.number == 0
    assert store.optuna.get_trial(held.trial_id).system_attrs["fixed_params"] == {"x": 0.25}
    trial_actions.enqueue(store, study, {"x": 0.5})
    with pytest.raises(StoreError, match=r"all of its 2 trials exist already\): extend it with"):
        trial_actions.enqueue(store, study, {"x": 0.75})


def test_failed_trials_are_retried_with_their_parameters(store: Store):
    """As new trials, linked to the old ones, with the budget raised by as many; once each."""
    study = make(store, budget=2)
    held = claim(store, study)
    suggestion = trials.Suggestion(
        hyperparameters={"units": 64, "act": "tanh"},
        params={"units": 2, "act": "tanh"},
        distributions={
            "units": optuna.distributions.IntDistribution(0, 4),
            "act": optuna.distributions.CategoricalDistribution(("relu", "tanh")),
        },
        seed=1,
    )
    trials.begin(store, held, suggestion)
    leases.finish(store, held, failed("timeout"))
    stores.end(store, claim(store, study))
    assert trial_actions.retry(store, study) == [2]
    assert trial_actions.retry(store, study) == []
    study = studies.refresh(store, study)
    assert (study.state, study.budget) == ("running", 3)
    again = claim(store, study)
    assert trials.find(store, study, 2).retry_of == 0
    fixed = store.optuna.get_trial(again.trial_id).system_attrs["fixed_params"]
    assert fixed == {"units": 2, "act": "tanh"}


def test_two_users_retry_a_trial_once(store: Store):
    """Whoever comes second finds that it was tried again."""
    study = make(store, budget=2)
    leases.finish(store, claim(store, study), failed("timeout"))
    users = [threading.Thread(target=trial_actions.retry, args=(store, study)) for _ in range(2)]
    with store.write() as c:
        studies.lock(c, study)
        for user in users:
            user.start()
        users[0].join(0.5)  # not a wait for a result: both wait for the lock by then
    for user in users:
        user.join()
    assert [trial.retry_of for trial in trials.list_trials(store, study)] == [None, 0]
    assert studies.refresh(store, study).budget == 3


def test_only_failed_trials_are_retried(store: Store):
    """Others are named in one line."""
    study = make(store)
    stores.end(store, claim(store, study))
    with pytest.raises(StoreError, match=r"^Expected numbers of failed trials\. Received: 0, 9\."):
        trial_actions.retry(store, study, [0, 9])


def test_a_deleted_study_leaves_nothing(store: Store):
    """No row of ours, and no row of Optuna's."""
    study = make(store, budget=200)
    fill(store, study, finished=100, dead=10)
    stores.end(store, claim(store, study))
    studies.delete(store, study)
    assert not any(stores.contents(store).values())
    assert store.optuna.get_all_studies() == []
    with pytest.raises(StudyGone):
        studies.refresh(store, study)


def test_every_row_is_found_by_an_index_when_trials_are_deleted(store: Store):
    """Without one each deleted trial costs a scan of the table: minutes, for 10,000 of them."""
    with store.read() as c:
        inspector = sa.inspect(c)
        for table in schema.metadata.tables:
            primary = inspector.get_pk_constraint(table)["constrained_columns"]
            leading = {primary[0]} | {i["column_names"][0] for i in inspector.get_indexes(table)}
            keys = {key["constrained_columns"][0] for key in inspector.get_foreign_keys(table)}
            assert keys <= leading, table


def test_the_clock_is_the_databases_and_moves_on(store: Store):
    """Seconds since 1970, in UTC, with fractions, also within a transaction."""
    before = time.time()
    with store.write() as c:
        first = c.execute(sa.select(store.now)).scalar_one()
        later = first
        while later == first:
            later = c.execute(sa.select(store.now)).scalar_one()
    assert before - ROUNDED <= first < later <= time.time() + ROUNDED


def test_a_session_of_the_database_keeps_utc(store: Store):
    """A server's local time jumps back by an hour each autumn: leases would not expire."""
    if store.dialect == "mysql":
        with store.read() as c:
            assert c.execute(sa.text("SELECT @@time_zone")).scalar() == "+00:00"
    else:
        with store.write() as c:
            if store.dialect == "postgresql":
                c.execute(sa.text("SET LOCAL TIME ZONE 'Asia/Tokyo'"))
            before = time.time()
            now = c.execute(sa.select(store.now)).scalar_one()
            assert before - ROUNDED <= now <= time.time() + ROUNDED


def test_what_is_written_within_a_read_takes_the_lock_of_a_write(store: Store):
    """A write that began without the lock could fail at once, however long it may wait."""
    begun: list[bool] = []
    sa.event.listen(store.engine, "begin", lambda _: begun.append(connection._reading.get()))
    with store.read():
        make(store)
    assert begun[:2] == [True, False]


def test_a_store_is_opened_by_what_reveals_its_address(store: Store):
    """The URL that is handed to child processes opens the same store, with its password."""
    make(store)
    again = open_store(url.reveal(store.url), create=False)
    try:
        assert [study.name for study in studies.list_studies(again)] == ["study"]
    finally:
        again.close()


def test_a_definition_may_be_long(store: Store):
    """A user's own space with many parameters has one of hundreds of kilobytes."""
    spec = {f"parameter {i}": list(range(50)) for i in range(1_000)}
    assert len(json.dumps(spec)) > 100_000
    study = studies.create(store, name="study", spec=spec, budget=1)
    assert study.spec == spec
