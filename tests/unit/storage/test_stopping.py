"""When a study is finished, and what may be asked of a finished one."""

from __future__ import annotations

import pytest
from optuna import load_study

from storage import (
    claiming,
    leases,
    lost_workers,
    overview,
    stopping,
    studies,
    study_attributes,
    study_states,
    trial_actions,
)
from storage.claiming import NoTrialYet, StudyOver
from storage.database import schema
from storage.database.engine import Store
from storage.errors import StoreError
from storage.leases import Claim, WorkerCommand
from storage.studies import Limits, Study
from tests.support.stores import claim, end, failed, make


def move_deadline(store: Store, study: Study, seconds: float) -> None:
    """Puts the end of the time limit so far into the future."""
    with store.write() as c:
        change = schema.studies.update().where(schema.studies.c.study_id == study.study_id)
        c.execute(change.values(deadline=store.now + seconds))


def run(store: Store, study: Study, *values: float) -> None:
    """Runs one trial after another, with these values."""
    for value in values:
        end(store, claim(store, study), value)


def reason(store: Store, study: Study) -> str | None:
    """Why the study is finished; None while it runs."""
    found = studies.refresh(store, study)
    assert found.state == (studies.RUNNING if found.reason is None else studies.FINISHED)
    return found.reason


def test_a_study_is_finished_with_its_last_trial(store: Store):
    """Not when the last trial is handed out, but when it has ended."""
    study = make(store, budget=2)
    run(store, study, 0.5)
    last = claim(store, study)
    assert reason(store, study) is None
    assert isinstance(claiming.claim(store, study, "bob"), NoTrialYet)
    end(store, last)
    assert reason(store, study) == studies.BUDGET_USED
    assert claiming.claim(store, study, "bob") == StudyOver(
        state="finished", reason=studies.BUDGET_USED
    )


def flat(store: Store) -> Study:
    """A study that was asked to stop when it is flat, of three trials that ended."""
    study = make(store, budget=9)
    study_attributes.write(store, study, study_attributes.STOP_WHEN_FLAT, True)
    run(store, study, 0.5, 0.4, 0.3)
    return study


def test_a_flat_study_is_finished_with_its_reason(store: Store):
    """Workers end their trials, and no other one begins."""
    study = flat(store)
    held = claim(store, study)
    assert stopping.finish_flat(store, study, "0.3 is good")
    assert reason(store, study) == "flat: 0.3 is good"
    assert leases.renew(store, held) is WorkerCommand.END
    assert isinstance(claiming.claim(store, study, "bob"), StudyOver)
    assert not stopping.finish_flat(store, study, "another worker saw it as well")
    assert reason(store, study) == "flat: 0.3 is good"


def test_a_flat_study_that_is_extended_goes_on(store: Store):
    """Its user wants to see more: it does not end for that reason again."""
    study = flat(store)
    stopping.finish_flat(store, study, "0.3 is good")
    study_states.extend(store, study, by=1)
    assert not stopping.finish_flat(store, study, "a worker that looked before")
    run(store, study, *[0.5] * 7)
    assert reason(store, study) == studies.BUDGET_USED


def test_a_paused_study_or_one_that_was_not_asked_to_does_not_end_flat(store: Store):
    """Then a claim goes on to decide."""
    paused, plain = flat(store), make(store, "plain")
    study_states.pause(store, paused)
    assert not stopping.finish_flat(store, paused, "")
    assert not stopping.finish_flat(store, plain, "")
    assert reason(store, plain) is None


def test_a_target_finishes_a_study(store: Store):
    """A trial at or below the target is good enough; one just above is not."""
    study = make(store, budget=9, limits=Limits(target=0.25))
    run(store, study, 0.26)
    assert reason(store, study) is None
    run(store, study, 0.25)
    assert reason(store, study) == "the target 0.25 was reached"


def test_patience_counts_from_the_best_trial(store: Store):
    """So many ended trials after the best one, whatever came before it."""
    study = make(store, budget=9, limits=Limits(patience=2))
    run(store, study, 0.5, 0.6, 0.4, 0.7)
    assert reason(store, study) is None
    run(store, study, 0.4)  # as good is not better
    assert reason(store, study) == "2 trials ended without a better one"


def test_failed_trials_try_the_patience(store: Store):
    """A trial that failed was not a better one."""
    study = make(store, budget=9, limits=Limits(patience=2))
    run(store, study, 0.5)
    for kind in ("oversized", "timeout"):
        leases.finish(store, claim(store, study), failed(kind))
    assert reason(store, study) == "2 trials ended without a better one"


def test_patience_does_not_count_without_any_value(store: Store):
    """As long as no trial had a value there is nothing to be better than."""
    study = make(store, budget=9, limits=Limits(patience=2))
    for kind in ("oversized", "timeout", "oversized", "timeout"):
        leases.finish(store, claim(store, study), failed(kind))
    assert reason(store, study) is None


def test_a_time_limit_finishes_a_study(store: Store):
    """By the database's clock; a trial that runs then is told to end."""
    study = make(store, budget=9, limits=Limits(timeout=60))
    held = claim(store, study)
    assert leases.renew(store, held) is WorkerCommand.CONTINUE
    move_deadline(store, study, -1)
    assert isinstance(claiming.claim(store, study, "bob"), StudyOver)
    assert reason(store, study) == "the time limit of 60 s was reached"
    assert leases.renew(store, held) is WorkerCommand.END


def test_the_last_place_may_be_taken_by_an_enqueued_trial(store: Store):
    """A study with a trial that waits in Optuna's queue is not finished."""
    study = make(store, budget=2)
    first = claim(store, study)
    load_study(study_name=study.name, storage=store.optuna).enqueue_trial({"x": 0.5})
    end(store, first)
    assert reason(store, study) is None
    end(store, claim(store, study))
    assert reason(store, study) == studies.BUDGET_USED


def test_three_first_trials_that_fail_alike_stop_a_study(store: Store):
    """That is a bug of the user's program; numbers in the message do not count."""
    study = make(store, budget=9)
    for layer in (1, 2, 3):
        message = f"ValueError: layer dense_{layer} has no weights"
        leases.finish(store, claim(store, study), failed("error", message))
    stopped = studies.refresh(store, study)
    assert stopped.state == studies.STOPPED
    assert "failed in the same way: ValueError: layer dense_1" in (stopped.reason or "")
    assert isinstance(claiming.claim(store, study, "ada"), StudyOver)


def test_three_first_trials_that_end_their_workers_stop_a_study(store: Store):
    """Each took two processes along: a fourth would, too. A resumed study goes on."""
    study = make(store, budget=9)
    for _ in range(6):
        claim(store, study)
        lost_workers.release_dead_worker(store, study, "ada", cause="exit code 7")
    stopped = studies.refresh(store, study)
    assert stopped.state == studies.STOPPED
    assert "failed in the same way: its worker ended with exit code 7" in (stopped.reason or "")
    study_states.resume(store, study)
    claim(store, study)
    lost_workers.release_dead_worker(store, study, "ada", cause="exit code 7")
    assert reason(store, study) is None


def test_trials_that_fail_differently_do_not_stop_a_study(store: Store):
    """One bad trial never ends a study, nor do three different ones."""
    study = make(store, budget=9)
    for message in ("ValueError: a", "TypeError: b", "ValueError: a"):
        leases.finish(store, claim(store, study), failed("error", message))
    assert reason(store, study) is None


def test_later_trials_that_fail_alike_do_not_stop_a_study(store: Store):
    """The program has shown that it works."""
    study = make(store, budget=9)
    run(store, study, 0.5)
    for _ in range(4):
        leases.finish(store, claim(store, study), failed())
    assert reason(store, study) is None


def test_a_study_that_is_resumed_although_it_is_broken_goes_on(store: Store):
    """The user insists: the fourth failure does not stop it again."""
    study = make(store, budget=9)
    for _ in range(3):
        leases.finish(store, claim(store, study), failed())
    study_states.resume(store, study)
    leases.finish(store, claim(store, study), failed())
    assert reason(store, study) is None


def test_extend_reopens_a_finished_study(store: Store):
    """It goes on with the next number."""
    study = make(store, budget=1)
    run(store, study, 0.5)
    assert study_states.extend(store, study, by=2).state == studies.RUNNING
    assert claim(store, study).number == 1


@pytest.mark.parametrize("limits", [Limits(target=0.5), Limits(patience=1)])
def test_extend_lifts_the_limit_that_ended_a_study(store: Store, limits: Limits):
    """Otherwise it would be finished again before the first new trial."""
    study = make(store, budget=9, limits=limits)
    run(store, study, *((0.5, 0.6) if limits.patience else (0.5,)))
    assert reason(store, study) is not None
    extended = study_states.extend(store, study, by=2)
    assert extended.limits == Limits()
    assert isinstance(claiming.claim(store, study, "ada"), Claim)


def test_extend_after_the_time_limit_keeps_the_target(store: Store):
    """Only the limit that ended the study is lifted, and time begins anew."""
    study = make(store, budget=9, limits=Limits(target=0.1, patience=5, timeout=60))
    move_deadline(store, study, -1)
    assert isinstance(claiming.claim(store, study, "ada"), StudyOver)
    extended = study_states.extend(store, study, by=2)
    assert extended.limits == Limits(target=0.1, patience=5, timeout=60)
    assert extended.deadline is not None
    assert isinstance(claiming.claim(store, study, "ada"), Claim)


def test_a_finished_study_is_neither_paused_nor_resumed(store: Store):
    """One line says what to do instead."""
    study = make(store, budget=1)
    run(store, study, 0.5)
    for change in (study_states.pause, study_states.stop, study_states.resume):
        with pytest.raises(StoreError, match="tuner extend study"):
            change(store, study)


def test_a_retried_trial_runs_although_the_target_was_reached(store: Store):
    """The user asked for it: the limit that ended the study gives way."""
    study = make(store, budget=9, limits=Limits(target=0.5))
    leases.finish(store, claim(store, study), failed("timeout"))
    run(store, study, 0.5)
    assert reason(store, study) is not None
    assert trial_actions.retry(store, study) == [2]
    assert claim(store, study).number == 2


def test_nothing_is_enqueued_in_a_finished_study(store: Store):
    """No worker would come for it; one line says what to do."""
    study = make(store, budget=9, limits=Limits(target=0.5))
    run(store, study, 0.5)
    with pytest.raises(StoreError, match="tuner extend study"):
        trial_actions.enqueue(store, study, {"x": 0.5})
    assert overview.count(store, studies.refresh(store, study)).waiting == 0
