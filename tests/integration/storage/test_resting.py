"""Trials that rest: who is resumed next, what becomes of the others, what others see of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from optuna.trial import TrialState

from storage import attempts, claiming, leases, overview, studies, study_states, trial_actions
from storage import trials as stored
from storage.claiming import NoTrialYet, StudyOver
from storage.database.engine import Store
from storage.leases import Checkpoint, Claim, WorkerCommand
from storage.outcomes import Outcome
from storage.pruning import PromotionRule
from storage.sampling.sampler_storage import SamplerStorage
from storage.studies import Limits, Study
from tests.support.stores import claim, complete, make, report
from tests.support.trials import begin

pytestmark = pytest.mark.mariadb

RULE = PromotionRule(warmup=1, reduction=2)  # rungs 1, 2, 4
MARGIN = {"size": -0.5}


def run(store: Store, held: Claim, values: Sequence[float], *, keep: int = RULE.rest) -> list[str]:
    """Reports epochs until the trial has to rest, or is complete with the last one.

    Returns:
        The checkpoints that nobody needs any more.
    """
    for epoch, value in enumerate(values, start=held.epoch + 1):
        if report(store, held, epoch, value, RULE):
            kept = Checkpoint(path=f"/{held.number}-{epoch}", sha256="0", epoch=epoch)
            leases.keep_checkpoints(store, held, [kept])
            metrics = {"val_loss": value}
            outcome = Outcome(
                state="pruned", value=value, metrics=metrics, seconds=1.5, constraints=MARGIN
            )
            return leases.rest(store, held, outcome, keep=keep)
    leases.finish(store, held, complete(min(values), constraints=MARGIN))
    return []


def states(store: Store, study: Study) -> list[str]:
    return [trial.state for trial in stored.list_trials(store, study)]


def test_a_resting_trial_is_resumed_once_its_rank_deserves_it(store: Store):
    """Under its number, with the next token, from its checkpoint; before any new trial."""
    study = make(store, budget=6)
    run(store, claim(store, study), [0.1, 0.1, 0.1])
    second = begin(store, study)
    run(store, second, [0.2])
    assert states(store, study) == ["complete", "resting"]
    assert store.optuna.get_trial(second.trial_id).state is TrialState.RUNNING
    run(store, claim(store, study), [0.3])
    run(store, claim(store, study), [0.4])  # two of four may pass now
    held = claim(store, study)
    assert (held.number, held.token, held.epoch, held.seconds) == (1, 2, 1, 1.5)
    assert held.hyperparameters == {"learning_rate": 0.01}
    assert [kept.path for kept in held.checkpoints] == ["/1-1"]
    assert states(store, study) == ["complete", "running", "resting", "resting"]
    assert claim(store, study).number == 4
    ended = [(a.number, a.token, a.ended_as) for a in attempts.list_attempts(store, study)]
    assert (1, 1, "rested") in ended
    assert (1, 2, None) in ended
    assert overview.status(store, study).promotions == 1


def test_the_best_of_the_highest_rung_comes_first(store: Store):
    """Then the best of the next one; of equal ones that with the lower number."""
    study = make(store, budget=10)
    held = [claim(store, study) for _ in range(10)]
    for number, value in enumerate([0.0, 0.2, 0.2, 0.9, 0.9, 0.9]):
        assert report(store, held[number], 1, value, RULE) is (number > 0)
    for trial in held[1:4]:
        leases.rest(store, trial, Outcome(state="pruned"), keep=50)
    second = claim(store, study)
    assert second.number == 1  # three of six pass: 0, 1 and 2
    assert not report(store, held[0], 2, 0.0, RULE)
    run(store, second, [0.15])  # one of two passes the second rung
    for trial, value in zip(held[6:], (0.18, 0.18, 0.9, 0.9), strict=True):
        report(store, trial, 1, value, RULE)  # five of ten pass the first: 0, 6, 7, 1 and 2
    for trial in held[6:8]:
        assert report(store, trial, 2, 0.5, RULE)  # two of four pass the second: 0 and 1
    assert [claim(store, study).number for _ in range(2)] == [1, 2]
    assert isinstance(claiming.claim(store, study, "ada"), NoTrialYet)


def test_the_worst_are_pruned_where_too_many_rest(store: Store):
    """By their best values; the files of their checkpoints are named, to be removed."""
    study = make(store, budget=9)
    run(store, claim(store, study), [0.1, 0.1])
    held = [claim(store, study) for _ in range(3)]
    assert run(store, held[0], [0.5], keep=2) == []
    assert run(store, held[1], [0.3], keep=2) == []
    assert run(store, held[2], [0.4], keep=2) == ["/1-1"]
    assert states(store, study) == ["complete", "pruned", "resting", "resting"]
    pruned = store.optuna.get_trial(held[0].trial_id)
    assert (pruned.state, pruned.value) == (TrialState.PRUNED, 0.5)
    assert overview.count(store, study) == overview.Counts(
        complete=1, pruned=1, resting=2, unstarted=5
    )


def test_no_trial_of_a_finished_study_rests(store: Store):
    """Nobody else can come: what rests is pruned, with its metrics and time."""
    study = make(store, budget=2)
    run(store, claim(store, study), [0.1, 0.1])
    run(store, claim(store, study), [0.2])
    done = studies.refresh(store, study)
    assert (done.state, done.reason) == (studies.FINISHED, studies.BUDGET_USED)
    trial = stored.find(store, study, 1)
    assert (trial.state, trial.value, trial.seconds) == ("pruned", 0.2, 1.5)
    assert trial.metrics == {"val_loss": 0.2}
    assert leases.checkpoint_paths(store, study) == set()
    assert isinstance(claiming.claim(store, study, "ada"), StudyOver)


def test_the_best_of_a_rung_is_never_left_behind(store: Store):
    """A study ends with a complete trial, however few trials it has, and whoever came first."""
    study = make(store, budget=3)
    held = [claim(store, study) for _ in range(3)]
    report(store, held[0], 1, 0.5, RULE)
    report(store, held[1], 1, 0.4, RULE)
    run(store, held[2], [0.6])
    for trial in held[:2]:  # both were the best when they came
        leases.finish(store, trial, complete(0.4))
    assert states(store, study) == ["complete", "complete", "pruned"]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(target=0.2), "the target 0.2 was reached"),
        (Limits(patience=2), "2 trials ended without a better one"),
    ],
    ids=["target", "patience"],
)
def test_resting_trials_count_for_the_limits_of_a_study(store: Store, limits: Limits, reason: str):
    """As they would if they had ended; at the limit they have."""
    study = make(store, budget=9, limits=limits)
    first = claim(store, study)
    report(store, first, 1, 0.05, RULE)
    run(store, claim(store, study), [0.15])
    if limits.patience:
        run(store, claim(store, study), [0.3])
        run(store, claim(store, study), [0.3])
    answer = claiming.claim(store, study, "ada")
    if isinstance(answer, Claim):  # the second one, which two of four let pass
        run(store, answer, [0.15])
        answer = claiming.claim(store, study, "ada")
    assert answer == StudyOver(state=studies.FINISHED, reason=reason)
    assert "resting" not in states(store, study)
    assert leases.renew(store, first) is WorkerCommand.END


def test_a_trial_that_would_rest_in_a_finished_study_is_pruned(store: Store):
    """Its worker had not learned yet that the study is over."""
    study = make(store, budget=9, limits=Limits(target=0.1))
    late = claim(store, study)
    run(store, claim(store, study), [0.05])
    assert isinstance(claiming.claim(store, study, "ada"), StudyOver)
    run(store, late, [0.5])
    assert states(store, study) == ["pruned", "complete"]


def test_a_stopped_study_keeps_what_rests(store: Store):
    """And goes on with it: only a finished one prunes."""
    study = make(store, budget=4)
    run(store, claim(store, study), [0.1, 0.1])
    run(store, claim(store, study), [0.2])
    study_states.stop(store, study)
    assert isinstance(claiming.claim(store, study, "ada"), StudyOver)
    assert states(store, study) == ["complete", "resting"]
    study_states.resume(store, study)
    for _ in range(2):
        run(store, claim(store, study), [0.3])
    assert states(store, study) == ["complete", "resting", "resting", "resting"]
    assert claim(store, study).number == 1


def test_a_trial_whose_end_was_asked_for_does_not_rest_on(store: Store):
    """A user asked while it ran, and its worker let it rest before it learned so."""
    study = make(store, budget=9)
    run(store, claim(store, study), [0.1, 0.1])
    held = claim(store, study)
    assert trial_actions.end_trial(store, study, 1) == "asked"
    run(store, held, [0.2])
    claim(store, study)
    assert states(store, study)[1] == "pruned"


def test_samplers_see_a_resting_trial_as_pruned(store: Store):
    """With its last report, also after it was resumed, until it rests again or has ended."""
    study, history = make(store, budget=12), SamplerStorage(store)

    def look() -> tuple[str, dict[int, float]]:
        seen = history.get_all_trials(study.study_id)[1]
        return seen.state.name, seen.intermediate_values

    run(store, begin(store, study), [0.1, 0.1, 0.1])
    held = begin(store, study)
    assert look() == ("RUNNING", {})
    run(store, held, [0.2])
    assert look() == ("PRUNED", {1: 0.2})
    for _ in range(2):
        run(store, begin(store, study), [0.3])
    held = claim(store, study)
    assert (held.number, look()) == (1, ("PRUNED", {1: 0.2}))
    run(store, held, [0.15])
    assert look() == ("PRUNED", {2: 0.15})
    assert history.get_all_trials(study.study_id)[1].constraints == MARGIN
    trial_actions.end_trial(store, study, 1)
    assert look() == ("PRUNED", {2: 0.15})
    assert history.get_all_trials(study.study_id)[1].value == 0.15
