"""Claim, renew, give back, take over, finish, and the fence before every write."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from optuna.distributions import FloatDistribution

from storage import (
    claiming,
    leases,
    logs,
    lost_workers,
    overview,
    studies,
    study_states,
    trials,
    workers,
)
from storage.claiming import NoTrialYet, StudyOver
from storage.database import schema
from storage.database.engine import Store
from storage.errors import LeaseLost, StoreError, StudyGone
from storage.leases import Checkpoint, Claim, WorkerCommand
from storage.lost_workers import MAX_LOSSES
from storage.outcomes import Failure
from storage.trials import Suggestion
from tests.support import stores
from tests.support.stores import claim, complete, expire, failed, make, report

pytestmark = pytest.mark.mariadb

CHECKPOINT = Checkpoint(path="/somewhere/trial-0-1-3.npz", sha256="ab" * 32, epoch=3)
SUGGESTION = Suggestion(
    hyperparameters={"units": 64, "rate": 0.25},
    params={"units": 2, "rate": 0.25},
    distributions={"units": FloatDistribution(0, 4), "rate": FloatDistribution(0, 1)},
    seed=2**40,
)

WRITES: dict[str, Callable[[Store, Claim], object]] = {
    "begin": lambda store, held: trials.begin(store, held, SUGGESTION),
    "report": lambda store, held: report(store, held, 4, 0.1),
    "renew": leases.renew,
    "keep checkpoints": lambda store, held: leases.keep_checkpoints(store, held, [CHECKPOINT]),
    "give back": lambda store, held: leases.give_back(store, held, seconds=1.0),
    "finish": lambda store, held: leases.finish(store, held, complete(0.1)),
    "fail": lambda store, held: leases.finish(store, held, failed("diverged")),
}


def test_numbers_are_given_out_in_order(store: Store):
    """Each claim makes the next trial, up to the budget, then there is only waiting."""
    study = make(store, budget=3)
    assert [claim(store, study, f"worker {i}").number for i in range(3)] == [0, 1, 2]
    assert claiming.claim(store, study, "late") == NoTrialYet(
        reason="other workers have the last trials"
    )


def test_a_trial_given_back_is_claimed_next(store: Store):
    """At once, under its own number, with a new token and the time spent on it."""
    study = make(store)
    first, _ = claim(store, study), claim(store, study, "bob")
    report(store, first, 1, 0.5)
    leases.give_back(store, first, seconds=7.5)
    again = claim(store, study, "bob")
    assert (again.trial_id, again.number) == (first.trial_id, 0)
    assert (again.token, again.epoch, again.seconds) == (2, 1, 7.5)
    assert stores.lease(store, again).losses == 0


def test_a_live_lease_is_not_taken_over(store: Store):
    """Another worker gets another trial as long as the holder is alive."""
    study = make(store)
    held = claim(store, study)
    assert claim(store, study, "bob").trial_id != held.trial_id


def test_an_expired_lease_is_taken_over(store: Store):
    """Under its number, with everything that the lost worker had written."""
    study = make(store)
    lost = claim(store, study)
    trials.begin(store, lost, SUGGESTION)
    report(store, lost, 3, 0.5)
    leases.keep_checkpoints(store, lost, [CHECKPOINT])
    expire(store, lost)
    heir = claim(store, study, "bob")
    assert (heir.trial_id, heir.number, heir.token) == (lost.trial_id, lost.number, 2)
    assert heir.epoch == 3
    assert heir.checkpoints == (CHECKPOINT,)
    assert heir.hyperparameters == SUGGESTION.hyperparameters


def test_a_lease_that_is_renewed_at_the_last_moment_is_not_taken_over(store: Store):
    """A claim that saw it expired waits for the renewal, and then takes another trial."""
    study = make(store, budget=9)
    held = claim(store, study)
    expire(store, held)
    claimed: list[int] = []
    worker = threading.Thread(target=lambda: claimed.append(claim(store, study).number))
    with store.write() as c:
        renewal = schema.leases.update().where(schema.leases.c.trial_id == held.trial_id)
        c.execute(renewal.values(expires_at=store.now + 30))
        worker.start()
        worker.join(0.5)  # not a wait for a result: a claim that does not wait is through by then
    worker.join()
    assert claimed == [1]
    assert leases.renew(store, held) is WorkerCommand.CONTINUE


def test_a_renewed_lease_lives_on(store: Store):
    """A renewal moves the expiry to a whole lease from now, by the database's clock."""
    study = make(store, lease_seconds=1000.0)
    held = claim(store, study)
    with store.write() as c:
        soon = schema.leases.update().where(schema.leases.c.trial_id == held.trial_id)
        c.execute(soon.values(expires_at=store.now + 10))
    assert leases.renew(store, held) is WorkerCommand.CONTINUE
    with store.read() as c:
        left = c.execute(sa.select(schema.leases.c.expires_at - store.now)).scalar_one()
    assert 900 < left <= 1000


def test_every_write_prolongs_the_lease(store: Store):
    """A worker that reports needs no renewal beside it."""
    study = make(store)
    held = claim(store, study)
    before = stores.lease(store, held).expires_at
    report(store, held, 1, 0.5)
    assert stores.lease(store, held).expires_at > before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_expired_lease_writes_nothing(store: Store, write: Callable[[Store, Claim], object]):
    """A worker that was away past its lease is turned away, and no row of the store changes."""
    held = claim(store, make(store))
    report(store, held, 1, 0.5)
    expire(store, held)
    before = stores.contents(store)
    with pytest.raises(LeaseLost):
        write(store, held)
    assert stores.contents(store) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_outdated_token_writes_nothing(store: Store, write: Callable[[Store, Claim], object]):
    """Also when the heir is alive and the lease of this trial is valid: it is not ours."""
    study = make(store)
    lost = claim(store, study)
    expire(store, lost)
    heir = claim(store, study, "bob")
    before = stores.contents(store)
    with pytest.raises(LeaseLost):
        write(store, lost)
    assert stores.contents(store) == before
    assert leases.renew(store, heir) is WorkerCommand.CONTINUE


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_ended_trial_is_final(store: Store, write: Callable[[Store, Claim], object]):
    """Whoever ended it has no lease on it any more."""
    held = claim(store, make(store))
    leases.finish(store, held, complete(0.5))
    before = stores.contents(store)
    with pytest.raises(LeaseLost):
        write(store, held)
    assert stores.contents(store) == before


def test_the_same_end_may_be_told_twice(store: Store):
    """After a lost connection nobody knows whether the first time was heard."""
    held = claim(store, make(store))
    outcome = complete(0.5, model="/models/0.keras", metrics={"val_loss": 0.5})
    leases.finish(store, held, outcome)
    before = stores.contents(store)
    leases.finish(store, held, outcome)
    assert stores.contents(store) == before


def test_a_trial_ended_by_others_is_not_ended_again(store: Store):
    """A worker that comes back to a trial given up as lost learns that it was."""
    study = make(store)
    held = claim(store, study)
    workers_die(store, study, held, MAX_LOSSES)
    with pytest.raises(LeaseLost):
        leases.finish(store, held, failed("lost"))


def workers_die(store: Store, study: studies.Study, held: Claim, times: int) -> None:
    """One worker after another is lost on a trial, the first of them with ``held``."""
    for _ in range(times):
        expire(store, held)
        claiming.claim(store, study, "next")


def test_a_trial_that_takes_five_workers_with_it_fails(store: Store):
    """The fifth loss without a new checkpoint ends it as lost; it is not run a sixth time."""
    study = make(store, budget=1)
    held = claim(store, study)
    workers_die(store, study, held, MAX_LOSSES - 1)
    assert trials.find(store, study, 0).state == "running"
    workers_die(store, study, held, 1)
    record = trials.find(store, study, 0)
    assert record.state == "failed"
    assert record.failure is not None
    assert record.failure.kind == "lost"
    assert record.attempt == MAX_LOSSES
    assert studies.refresh(store, study).reason == studies.BUDGET_USED


def test_a_new_checkpoint_forgives_losses(store: Store):
    """What goes on is not hopeless: five losses count only without a checkpoint in between."""
    study = make(store, budget=1)
    held = claim(store, study)
    workers_die(store, study, held, MAX_LOSSES - 2)
    expire(store, held)
    leases.keep_checkpoints(store, claim(store, study), [CHECKPOINT])
    workers_die(store, study, held, MAX_LOSSES - 1)
    assert trials.find(store, study, 0).state == "running"


def test_attempts_tell_how_each_worker_fared(store: Store):
    """One row an attempt: who, and how it ended."""
    study = make(store, budget=1)
    leases.give_back(store, claim(store, study, "ada"), seconds=1.0)
    expire(store, claim(store, study, "bob"))
    leases.finish(store, claim(store, study, "eve"), complete())
    attempt = schema.attempts.c
    with store.read() as c:
        query = sa.select(attempt.token, attempt.worker_id, attempt.ended_as)
        rows = c.execute(query.order_by(attempt.token)).all()
    assert [tuple(row) for row in rows] == [
        (1, "ada", "returned"),
        (2, "bob", "lost"),
        (3, "eve", "complete"),
    ]


def test_a_worker_known_to_be_dead_is_not_waited_for(store: Store):
    """Its trial goes to the next worker at once, and counts as one loss."""
    study = make(store, budget=1)
    held = claim(store, study)
    lost_workers.release_dead_worker(store, study, "ada")
    heir = claim(store, study, "bob")
    assert (heir.trial_id, heir.token) == (held.trial_id, 2)
    assert stores.lease(store, heir).losses == 1


def test_a_worker_killed_for_its_memory_takes_its_trial_along(store: Store):
    """The failure is written for it, and the study goes on to its end."""
    study = make(store, budget=1)
    held = claim(store, study)
    lost_workers.release_dead_worker(
        store, study, "ada", Failure(kind="out_of_memory", message="killed")
    )
    record = trials.find(store, study, 0)
    assert (record.state, record.failure) == (
        "failed",
        Failure(kind="out_of_memory", message="killed"),
    )
    assert isinstance(claiming.claim(store, study, "bob"), StudyOver)
    with pytest.raises(LeaseLost):
        leases.renew(store, held)


def test_a_trial_that_ends_its_worker_twice_has_failed(store: Store):
    """With what ended it; a worker that somebody else ends is replaced more often."""
    study = make(store, budget=1)
    claim(store, study)
    lost_workers.release_dead_worker(store, study, "ada", cause="exit code 7")
    claim(store, study)
    lost_workers.release_dead_worker(store, study, "ada")  # kill -9
    claim(store, study)
    lost_workers.release_dead_worker(store, study, "ada", cause="signal 11 (SIGSEGV)")
    record = trials.find(store, study, 0)
    assert record.state == "failed"
    assert record.failure == Failure(
        kind="lost",
        message="its worker ended with signal 11 (SIGSEGV), not the first one that was lost on "
        "this trial",
    )
    assert isinstance(claiming.claim(store, study, "bob"), StudyOver)


def test_progress_between_two_deaths_counts(store: Store):
    """A worker that dies after a new checkpoint has brought the trial on."""
    study = make(store, budget=1)
    for _ in range(3):
        held = claim(store, study)
        leases.keep_checkpoints(store, held, [CHECKPOINT])
        lost_workers.release_dead_worker(store, study, "ada", cause="exit code 7")
    assert trials.find(store, study, 0).state == "waiting"


def test_a_trial_that_was_about_to_end_does_not_fail_with_the_next_one(store: Store):
    """A worker that ends one trial while it trains another holds both."""
    study = make(store, budget=2)
    ending, training = claim(store, study), claim(store, study)
    workers.enter(store, study, worker_id="ada", host="h.example", pid=1, device="1 thread")
    assert [record.trial for record in workers.list_workers(store, study)] == [training.number]
    lost_workers.release_dead_worker(
        store, study, "ada", Failure(kind="out_of_memory", message="killed")
    )
    assert trials.find(store, study, training.number).state == "failed"
    assert claim(store, study, "bob").number == ending.number


@pytest.mark.parametrize(
    ("change", "order", "answer"),
    [
        (study_states.pause, WorkerCommand.GIVE_BACK, NoTrialYet(reason="the study is paused")),
        (
            study_states.stop,
            WorkerCommand.GIVE_BACK,
            StudyOver(state="stopped", reason="stopped by hand"),
        ),
    ],
)
def test_pause_and_stop_reach_workers_with_their_next_renewal(
    store: Store, change: Callable[..., object], order: WorkerCommand, answer: object
):
    """The trial is to be given back; a new claim waits or ends; resume goes on with the trial."""
    study = make(store)
    held = claim(store, study)
    change(store, study)
    assert leases.renew(store, held) is order
    leases.give_back(store, held, seconds=1.0)
    assert claiming.claim(store, study, "ada") == answer
    study_states.resume(store, study)
    assert claim(store, study).trial_id == held.trial_id


def test_many_threads_share_a_budget_exactly(store: Store):
    """Eight workers that claim and end as fast as they can: every number once, none beyond."""
    study = make(store, budget=40)
    ended: list[int] = []

    def work(name: str) -> None:
        while not isinstance(answer := claiming.claim(store, study, name), StudyOver):
            if isinstance(answer, Claim):
                stores.end(store, answer)
                ended.append(answer.number)

    threads = [threading.Thread(target=work, args=(f"worker {i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == list(range(40))
    assert overview.count(store, study).complete == 40


def test_begin_writes_what_was_chosen(store: Store):
    """Sampled values for Optuna; the real one beside it where an index was sampled."""
    study = make(store)
    held = claim(store, study)
    trials.begin(store, held, SUGGESTION)
    trials.begin(store, held, SUGGESTION)  # a repetition changes nothing
    optuna = store.optuna.get_trial(held.trial_id)
    assert optuna.params == {"units": 2, "rate": 0.25}
    assert optuna.user_attrs == {"units": 64}
    record = trials.find(store, study, 0)
    assert record.hyperparameters == SUGGESTION.hyperparameters
    assert record.seed == 2**40


def test_the_end_is_written_for_optuna_too(store: Store):
    """State, value and reason of the failure stand where its dashboard looks."""
    study = make(store)
    good, bad = claim(store, study), claim(store, study)
    leases.finish(store, good, complete(0.25))
    leases.finish(store, bad, failed("oversized", "10 GB"))
    done, refused = store.optuna.get_all_trials(study.study_id)
    assert (done.state.name, done.values) == ("COMPLETE", [0.25])
    assert refused.state.name == "FAIL"
    assert refused.user_attrs == {
        "failure": "oversized", "failure_message": "10 GB", "failure_attempt": 1,
    }  # fmt: skip
    assert refused.constraints == {"oversized": 1.0}
    assert refused.datetime_complete is not None


def test_a_failure_is_written_whatever_its_traceback_holds(store: Store):
    """Tracebacks of TensorFlow are long and may hold bytes that are no text: the end is kept."""
    study = make(store)
    text = "\x00binary" + "é" * 100_000 + "ValueError: the end"
    failure = Failure(kind="error", message=text, traceback=text)
    leases.finish(store, claim(store, study), leases.Outcome(state="failed", failure=failure))
    kept = trials.find(store, study, 0).failure
    assert kept is not None
    assert kept.traceback is not None
    assert kept.traceback.endswith("ValueError: the end")
    assert kept.message.startswith("binary")


def test_a_parameter_may_be_called_failure(store: Store):
    """Names of parameters are the user's: the failure is written all the same."""
    study = make(store)
    held = claim(store, study)
    distributions = {"failure": FloatDistribution(0, 4)}
    suggestion = Suggestion(
        hyperparameters={"failure": 64}, params={"failure": 2}, distributions=distributions, seed=1
    )
    trials.begin(store, held, suggestion)
    leases.finish(store, held, failed("timeout"))
    assert trials.find(store, study, 0).failure == Failure(kind="timeout", message="ValueError: no")


def test_logs_of_an_outdated_attempt_are_dropped(store: Store):
    """What a worker prints after its trial was taken over is not the trial's any more."""
    study = make(store)
    lost = claim(store, study)
    logs.append(store, lost, "one\n")
    expire(store, lost)
    heir = claim(store, study, "bob")
    logs.append(store, lost, "two\n")
    logs.append(store, heir, "three\x00\n")
    assert [(entry.attempt, entry.text) for entry in logs.read(store, study, 0)] == [
        (1, "one\n"),
        (2, "three\n"),
    ]


def test_workers_are_alive_lost_or_gone(store: Store):
    """By the database's clock and the study's lease."""
    study = make(store, lease_seconds=30.0)
    for name in ("ada", "bob", "eve"):
        workers.enter(store, study, worker_id=name, host="h.example", pid=1, device="1 thread")
    held = claim(store, study, "ada")
    report(store, held, 2, 0.5)
    workers.lost(store, study, "bob")
    workers.leave(store, "eve", busy_seconds=0.0)
    found = {record.worker_id: record for record in workers.list_workers(store, study)}
    assert {name: record.state for name, record in found.items()} == {
        "ada": "alive",
        "bob": "lost",
        "eve": "left",
    }
    assert (found["ada"].trial, found["ada"].epoch, found["ada"].value) == (0, 2, 0.5)
    assert found["bob"].trial is None


def test_a_study_that_is_gone_takes_no_worker(store: Store):
    """A worker that enters a moment too late is told so."""
    study = make(store)
    studies.delete(store, study)
    with pytest.raises(StudyGone):
        workers.enter(store, study, worker_id="ada", host="h", pid=1, device="1 thread")


def test_a_trial_that_does_not_exist_is_named_in_one_line(store: Store):
    """The user mistyped a number."""
    with pytest.raises(StoreError, match=r"^Expected the number of a trial of 'study'[^\n]+$"):
        trials.find(store, make(store), 7)
