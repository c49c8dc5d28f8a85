"""Leases against a model: whatever happens, in any order, the store and the model agree.

The model is the design in a few plain Python objects. Time passes by moving a lease's expiry in
the database, so that nothing here waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storage import claiming, leases, lost_workers, studies, study_states, trial_actions, trials
from storage.claiming import NoTrialYet, StudyOver
from storage.database import schema
from storage.database.engine import Store, open_store
from storage.errors import LeaseLost, StoreError
from storage.leases import Checkpoint, Claim, WorkerCommand
from storage.outcomes import Outcome
from storage.stopping import SAME_FAILURES
from tests.support.stores import complete, expire, failed, make, report

WORKERS = st.sampled_from(["ada", "bob", "eve"])
VALUES = st.integers(-3, 3).map(float)
MAX_LOSSES = 2  # instead of 5: so many in a row would rarely come about
LEASE = 1e6  # seconds: none runs out by itself
CHECKPOINT = Checkpoint(path="/somewhere", sha256="0", epoch=1)


@dataclass
class TrialModel:
    """A trial as the design has it."""

    number: int
    state: str = "waiting"
    worker: str | None = None
    token: int = 0
    expired: bool = False
    losses: int = 0
    curve: dict[int, float] = field(default_factory=dict)
    best: float | None = None
    ended_as: str | None = None
    kind: str | None = None
    asked_to_end: bool = False
    retry_of: int | None = None
    attempts: list[str | None] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.state == "leased" and not self.expired

    @property
    def free(self) -> bool:
        """Whether a claim may take it."""
        return self.state == "waiting" or (self.state == "leased" and self.expired)

    def grant(self, worker: str) -> None:
        if self.state == "leased":
            self.losses += 1
            self.attempts[-1] = "lost"
        self.state, self.worker, self.expired = "leased", worker, False
        self.token += 1
        self.attempts.append(None)

    def end(self, ended_as: str, kind: str | None = None, attempt: str | None = None) -> None:
        assert self.state != "ended", "a trial ends once"
        if self.attempts and self.attempts[-1] is None:
            self.attempts[-1] = attempt or ended_as
        self.state, self.ended_as, self.kind = "ended", ended_as, kind


@dataclass
class StudyModel:
    """A study as the design has it."""

    budget: int
    state: str = studies.RUNNING
    trials: list[TrialModel] = field(default_factory=list)

    def conclude(self) -> None:
        used = len(self.trials) >= self.budget
        if self.state == studies.RUNNING and used and all(t.state == "ended" for t in self.trials):
            self.state = studies.FINISHED

    def stop_if_broken(self) -> bool:
        ended = [t for t in self.trials if t.state == "ended"]
        broken = len(ended) == SAME_FAILURES and all(t.kind == "error" for t in ended)
        if broken:
            self.state = studies.STOPPED
        return broken

    def claim(self, worker: str) -> TrialModel | type[NoTrialYet] | type[StudyOver]:
        self.conclude()
        if self.state in (studies.STOPPED, studies.FINISHED):
            return StudyOver
        if self.state == studies.PAUSED:
            return NoTrialYet
        for trial in self.trials:
            if trial.state == "leased" and trial.expired and trial.losses >= MAX_LOSSES - 1:
                trial.end("failed", "lost", attempt="lost")
        free = next((trial for trial in self.trials if trial.free), None)
        if free is None and len(self.trials) < self.budget:
            free = self.add()
        if free is not None:
            free.grant(worker)
            return free
        self.conclude()
        return StudyOver if self.state == studies.FINISHED else NoTrialYet

    def add(self, retry_of: int | None = None) -> TrialModel:
        self.trials.append(TrialModel(number=len(self.trials), retry_of=retry_of))
        return self.trials[-1]


class Leases(RuleBasedStateMachine):
    """Workers and users do what they like; after each step store and model are compared."""

    claims: Bundle[Claim] = Bundle("claims")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    @initialize(budget=st.integers(1, 4))
    def launch(self, budget: int) -> None:
        self.study = make(self.store, budget=budget, lease_seconds=LEASE)
        self.model = StudyModel(budget=budget)
        self.endings: dict[int, tuple[str, float | None]] = {}

    def teardown(self) -> None:
        studies.delete(self.store, self.study)

    # Workers.

    @rule(target=claims, worker=WORKERS)
    def claim(self, worker: str) -> Claim | MultipleResults[Claim]:
        expected = self.model.claim(worker)
        answer = claiming.claim(self.store, self.study, worker)
        if not isinstance(expected, TrialModel):
            assert isinstance(answer, expected)
            return multiple()
        assert isinstance(answer, Claim)
        assert (answer.number, answer.token) == (expected.number, expected.token)
        assert answer.epoch == max(expected.curve, default=0)
        return answer

    def valid(self, held: Claim) -> TrialModel | None:
        """The model's trial, if this lease on it is the one that counts."""
        trial = self.model.trials[held.number]
        return trial if trial.live and trial.token == held.token else None

    @rule(held=claims)
    def renew(self, held: Claim) -> None:
        trial = self.valid(held)
        if trial is None:
            with pytest.raises(LeaseLost):
                leases.renew(self.store, held)
            return
        if trial.asked_to_end or self.model.state == studies.FINISHED:
            expected = WorkerCommand.END
        elif self.model.state == studies.RUNNING:
            expected = WorkerCommand.CONTINUE
        else:
            expected = WorkerCommand.GIVE_BACK
        assert leases.renew(self.store, held) is expected

    @rule(held=claims, value=VALUES, back=st.integers(0, 2))
    def report(self, held: Claim, value: float, back: int) -> None:
        """The next epoch, or one that was reported before."""
        trial = self.valid(held)
        epoch = max(1, max(self.model.trials[held.number].curve, default=0) + 1 - back)
        if trial is None:
            with pytest.raises(LeaseLost):
                report(self.store, held, epoch, value)
            return
        report(self.store, held, epoch, value)
        trial.curve.setdefault(epoch, value)
        trial.best = value if trial.best is None else min(trial.best, value)

    @rule(held=claims)
    def checkpoint(self, held: Claim) -> None:
        trial = self.valid(held)
        if trial is None:
            with pytest.raises(LeaseLost):
                leases.keep_checkpoints(self.store, held, [CHECKPOINT])
            return
        leases.keep_checkpoints(self.store, held, [CHECKPOINT])
        trial.losses = 0

    @rule(held=claims)
    def give_back(self, held: Claim) -> None:
        trial = self.valid(held)
        if trial is None:
            with pytest.raises(LeaseLost):
                leases.give_back(self.store, held, seconds=1.0)
            return
        leases.give_back(self.store, held, seconds=1.0)
        trial.state, trial.attempts[-1] = "waiting", "returned"

    @rule(held=claims, kind=st.sampled_from([None, None, "error", "timeout"]))
    def finish(self, held: Claim, kind: str | None) -> None:
        trial = self.valid(held)
        value = self.model.trials[held.number].best
        outcome: Outcome = failed(kind) if kind or value is None else complete(value)
        if trial is None:
            ended = self.model.trials[held.number]
            if ended.ended_as == outcome.state and ended.token == held.token:
                return  # the same end may be told twice: see the tests of leases
            with pytest.raises(LeaseLost):
                leases.finish(self.store, held, outcome)
            return
        leases.finish(self.store, held, outcome)
        trial.end(outcome.state, outcome.failure.kind if outcome.failure else None)
        if not self.model.stop_if_broken():
            self.model.conclude()

    # Fate.

    @rule(held=claims)
    def silence(self, held: Claim) -> None:
        """The worker that holds the trial now says nothing for longer than a lease."""
        trial = self.model.trials[held.number]
        if trial.state == "leased":
            expire(self.store, held)
            trial.expired = True

    @rule(worker=WORKERS)
    def death(self, worker: str) -> None:
        """A supervisor saw the process die."""
        lost_workers.release_dead_worker(self.store, self.study, worker)
        for trial in self.model.trials:
            if trial.state == "leased" and trial.worker == worker:
                trial.expired = True
        self.model.conclude()

    # Users.

    @precondition(lambda self: self.model.budget < 9)
    @rule(by=st.integers(1, 2))
    def extend(self, by: int) -> None:
        study_states.extend(self.store, self.study, by=by)
        self.model.budget += by
        self.model.state = studies.RUNNING

    @rule(change=st.sampled_from(["pause", "stop", "resume", "resume"]))
    def steer(self, change: str) -> None:
        act = getattr(study_states, change)
        if self.model.state == studies.FINISHED:
            with pytest.raises(StoreError):
                act(self.store, self.study)
            return
        act(self.store, self.study)
        states = {"pause": studies.PAUSED, "stop": studies.STOPPED, "resume": studies.RUNNING}
        self.model.state = states[change]

    @rule()
    def enqueue(self) -> None:
        if self.model.state == studies.FINISHED or len(self.model.trials) >= self.model.budget:
            with pytest.raises(StoreError):
                trial_actions.enqueue(self.store, self.study, {})
            return
        assert trial_actions.enqueue(self.store, self.study, {}) == self.model.add().number

    @rule(held=claims)
    def end(self, held: Claim) -> None:
        trial = self.model.trials[held.number]
        if trial.state == "ended":
            with pytest.raises(StoreError):
                trial_actions.end_trial(self.store, self.study, held.number)
            return
        answer = trial_actions.end_trial(self.store, self.study, held.number)
        if trial.live:
            assert answer == "asked"
            trial.asked_to_end = True
            return
        assert answer == "ended"
        if trial.best is None:
            trial.end("failed", "ended")
        else:
            trial.end("pruned")
        self.model.conclude()

    @precondition(lambda self: self.model.budget < 9)
    @rule()
    def retry(self) -> None:
        again = {trial.retry_of for trial in self.model.trials}
        lost = [
            trial.number
            for trial in self.model.trials
            if trial.ended_as == "failed" and trial.number not in again
        ]
        new = trial_actions.retry(self.store, self.study)
        assert new == [self.model.add(retry_of=number).number for number in lost]
        if new:
            self.model.budget += len(new)
            self.model.state = studies.RUNNING

    # What must hold.

    @invariant()
    def the_study_is_as_the_model_has_it(self) -> None:
        study = studies.refresh(self.store, self.study)
        assert (study.state, study.budget) == (self.model.state, self.model.budget)
        used = len(self.model.trials) >= study.budget
        over = used and all(trial.state == "ended" for trial in self.model.trials)
        assert study.state != studies.FINISHED or over

    @invariant()
    def trials_are_as_the_model_has_them(self) -> None:
        records = trials.list_trials(self.store, self.study)
        assert [record.number for record in records] == list(range(len(self.model.trials)))
        assert len(records) <= self.model.budget
        for record, trial in zip(records, self.model.trials, strict=True):
            state = trial.ended_as or ("running" if trial.live else "waiting")
            assert (record.state, record.attempt) == (state, trial.token)
            assert (record.value, record.epoch) == (trial.best, max(trial.curve, default=0))
            assert record.retry_of == trial.retry_of

    @invariant()
    def an_ended_trial_stays_as_it_ended(self) -> None:
        for trial in self.store.optuna.get_all_trials(self.study.study_id, deepcopy=False):
            ended = self.model.trials[trial.number].state == "ended"
            assert trial.state.is_finished() is ended
            if ended:
                now = (trial.state.name, trial.value)
                assert self.endings.setdefault(trial.number, now) == now

    @invariant()
    def every_epoch_is_there_once_as_it_was_first(self) -> None:
        for trial in self.store.optuna.get_all_trials(self.study.study_id, deepcopy=False):
            model = self.model.trials[trial.number]
            assert trial.intermediate_values == model.curve
            curve = trials.curve(self.store, trial._trial_id)
            assert {point["epoch"]: point["val_loss"] for point in curve} == model.curve

    @invariant()
    def every_token_is_one_attempt(self) -> None:
        """Numbered without a gap, and only that of a lease has not ended."""
        attempt = schema.attempts.c
        query = sa.select(attempt.token, attempt.ended_as).join(
            schema.optuna_trials, schema.optuna_trials.c.trial_id == attempt.trial_id
        )
        for trial in self.model.trials:
            here = query.where(
                attempt.study_id == self.study.study_id,
                schema.optuna_trials.c.number == trial.number,
            )
            with self.store.read() as c:
                rows = c.execute(here.order_by(attempt.token)).all()
            expected = list(enumerate(trial.attempts, start=1))
            assert [tuple(row) for row in rows] == expected
            assert (None in trial.attempts) is (trial.state == "leased")


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


def test_the_store_agrees_with_the_model(store: Store, monkeypatch: pytest.MonkeyPatch):
    """Numbers without a gap inside the budget, each ended once; old tokens write nothing."""
    monkeypatch.setattr(lost_workers, "MAX_LOSSES", MAX_LOSSES)
    run_state_machine_as_test(
        lambda: Leases(store),
        settings=settings(max_examples=60, stateful_step_count=25),
    )
