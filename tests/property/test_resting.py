"""Resting and promoted trials against a model: whatever happens, in any order, the two agree.

The model is the rule of ``storage.resting`` in a few plain Python objects. Time passes by moving a
lease's expiry in the database, so that nothing here waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from storage import claiming, leases, lost_workers, overview, studies, study_states, trial_actions
from storage import trials as stored
from storage.claiming import NoTrialYet, StudyOver
from storage.database.engine import Store, open_store
from storage.errors import LeaseLost, StoreError
from storage.leases import Checkpoint, Claim
from storage.outcomes import Outcome
from storage.pruning import PromotionRule
from tests.support.stores import complete, expire, make, report

EPOCHS = 5  # of every trial, with rungs at 1, 2 and 4
VALUES = st.integers(-9, 9).map(float)
CURVES = st.lists(VALUES, min_size=EPOCHS, max_size=EPOCHS)
MOST = 16  # trials
LEASE = 1e6  # seconds: none runs out by itself


@dataclass
class TrialModel:
    """A trial as the design has it."""

    number: int
    state: str = "waiting"  # or leased, expired, resting, complete, pruned
    token: int = 0
    curve: list[float] = field(default_factory=list)
    saved: int = 0  # epochs of its checkpoint
    rung: int = 0  # the last one that it did not pass
    rejected: bool = False  # in this attempt

    @property
    def best(self) -> float:
        return min(self.curve)

    @property
    def ended(self) -> bool:
        return self.state in ("complete", "pruned")


@dataclass
class StudyModel:
    """A study as the design has it."""

    budget: int
    rule: PromotionRule
    state: str = studies.RUNNING
    trials: list[TrialModel] = field(default_factory=list)
    rungs: dict[int, dict[int, float]] = field(default_factory=dict)  # best values by number

    def of(self, *states: str) -> list[TrialModel]:
        return [trial for trial in self.trials if trial.state in states]

    def passes(self, number: int, rung: int) -> bool:
        """Whether a trial is among the best of its rung."""
        entered = self.rungs[rung]
        ranking = sorted(entered, key=lambda other: (entered[other], other))
        return ranking.index(number) < max(1, len(entered) // self.rule.reduction)

    def promotable(self) -> TrialModel | None:
        able = [trial for trial in self.of("resting") if self.passes(trial.number, trial.rung)]
        order = sorted(able, key=lambda t: (-t.rung, self.rungs[t.rung][t.number], t.number))
        return next(iter(order), None)

    def conclude(self) -> None:
        if self.state != studies.RUNNING or len(self.trials) < self.budget:
            return
        if not self.of("waiting", "leased", "expired") and self.promotable() is None:
            self.state = studies.FINISHED
            for trial in self.of("resting"):
                trial.state = "pruned"

    def claim(self) -> TrialModel | type[NoTrialYet] | type[StudyOver]:
        self.conclude()
        if self.state in (studies.STOPPED, studies.FINISHED):
            return StudyOver
        if self.state == studies.PAUSED:
            return NoTrialYet
        trial = next(iter(self.of("waiting", "expired")), None) or self.promotable()
        if trial is None and len(self.trials) < self.budget:
            trial = TrialModel(number=len(self.trials))
            self.trials.append(trial)
        if trial is None:
            return NoTrialYet
        trial.state, trial.rejected = "leased", False
        trial.token += 1
        return trial

    def report(self, trial: TrialModel, epoch: int, value: float) -> bool:
        """Takes an epoch's value; returns whether the trial has to rest."""
        if epoch > len(trial.curve):
            trial.curve.append(value)
        if not self.rule.is_rung(epoch):
            return False
        self.rungs.setdefault(epoch, {}).setdefault(trial.number, trial.best)
        if self.passes(trial.number, epoch):
            return False
        trial.rung, trial.rejected = epoch, True
        return True

    def rest(self, trial: TrialModel) -> None:
        trial.state = "resting"
        ranking = sorted(self.of("resting"), key=lambda other: (other.best, other.number))
        for worst in ranking[self.rule.rest :]:
            worst.state = "pruned"
        self.conclude()


class Resting(RuleBasedStateMachine):
    """Workers and users do what they like; after each step store and model are compared."""

    claims: Bundle[Claim] = Bundle("claims")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    @initialize(budget=st.integers(4, 12), rest=st.sampled_from([1, 3, 50]))
    def launch(self, budget: int, rest: int) -> None:
        self.rule = PromotionRule(warmup=1, reduction=2, rest=rest)
        self.study = make(self.store, budget=budget, lease_seconds=LEASE)
        self.model = StudyModel(budget=budget, rule=self.rule)
        self.epochs: dict[tuple[int, int], int] = {}  # of each attempt

    def teardown(self) -> None:
        studies.delete(self.store, self.study)

    def valid(self, held: Claim) -> TrialModel | None:
        """The model's trial, if this lease on it is the one that counts."""
        trial = self.model.trials[held.number]
        return trial if trial.state == "leased" and trial.token == held.token else None

    # Workers.

    @rule(target=claims)
    def claim(self) -> Claim | MultipleResults[Claim]:
        claimed = self._claim()
        return multiple() if claimed is None else claimed

    def _claim(self) -> Claim | None:
        expected = self.model.claim()
        answer = claiming.claim(self.store, self.study, "ada")
        if not isinstance(expected, TrialModel):
            assert isinstance(answer, expected)
            return None
        assert isinstance(answer, Claim)
        assert (answer.number, answer.token) == (expected.number, expected.token)
        saved = [expected.saved] if expected.saved else []
        assert [kept.epoch for kept in answer.checkpoints] == saved
        self.epochs[answer.number, answer.token] = expected.saved
        return answer

    @rule(trainings=st.lists(CURVES, min_size=1, max_size=4))
    def work(self, trainings: list[list[float]]) -> None:
        """A worker to which nothing happens, for some trials."""
        for curve in trainings:
            held = self._claim()
            if held is not None:
                self._train(held, curve)

    @rule(held=claims, curve=CURVES)
    def go_on(self, held: Claim, curve: list[float]) -> None:
        """A worker to which much happened, to the end of its trial."""
        self._train(held, curve)

    def _train(self, held: Claim, curve: list[float]) -> None:
        """Until the trial is complete or rests."""
        trial = self.model.trials[held.number]
        while self.valid(held) is not None and trial.state == "leased":
            epoch = self.epochs[held.number, held.token]
            if trial.rejected:
                self._checkpoint(held)
                self._rest(held)
            elif epoch == EPOCHS:
                leases.finish(self.store, held, complete(trial.best))
                trial.state = "complete"
                self.model.conclude()
            else:
                self._report(held, curve[epoch])

    @rule(held=claims, value=VALUES)
    def report(self, held: Claim, value: float) -> None:
        if self.epochs[held.number, held.token] < EPOCHS:
            self._report(held, value)

    def _report(self, held: Claim, value: float) -> None:
        """The next epoch after the checkpoint that this attempt began from."""
        trial, epoch = self.valid(held), self.epochs[held.number, held.token] + 1
        if trial is None:
            with pytest.raises(LeaseLost):
                report(self.store, held, epoch, value, self.rule)
            return
        rests = self.model.report(trial, epoch, value)
        assert report(self.store, held, epoch, value, self.rule) is rests
        self.epochs[held.number, held.token] = epoch

    def _checkpoint(self, held: Claim) -> None:
        trial, epoch = self.valid(held), self.epochs[held.number, held.token]
        if trial is not None and epoch:
            kept = Checkpoint(path=f"/{held.number}-{epoch}", sha256="0", epoch=epoch)
            leases.keep_checkpoints(self.store, held, [kept])
            trial.saved = epoch

    def _rest(self, held: Claim) -> None:
        trial, outcome = self.valid(held), Outcome(state="pruned", metrics={"val_loss": 0.5})
        if trial is None:
            with pytest.raises(LeaseLost):
                leases.rest(self.store, held, outcome, keep=self.rule.rest)
            return
        if not trial.rejected:
            return
        resting = [*self.model.of("resting"), trial]
        unneeded = leases.rest(self.store, held, outcome, keep=self.rule.rest)
        self.model.rest(trial)
        if self.model.state != studies.FINISHED:
            gone = [t for t in resting if t.state == "pruned" and t.saved]
            assert sorted(unneeded) == sorted(f"/{t.number}-{t.saved}" for t in gone)

    # Fate and users.

    @rule(held=claims, fate=st.sampled_from(["silence", "checkpoint", "give back", "rest", "end"]))
    def happen(self, held: Claim, fate: str) -> None:
        """What may happen to a worker, or to the trial that it has or had."""
        trial = self.model.trials[held.number]
        if fate == "silence" and trial.state == "leased":
            expire(self.store, held)  # whoever has it now says nothing for longer than a lease
            trial.state = "expired"
        elif fate == "give back" and self.valid(held) is not None:
            leases.give_back(self.store, held, seconds=1.0)
            trial.state = "waiting"
        elif fate == "end" and trial.state == "resting":
            assert trial_actions.end_trial(self.store, self.study, held.number) == "ended"
            trial.state = "pruned"
            self.model.conclude()
        elif fate == "checkpoint":
            self._checkpoint(held)
        elif fate == "rest":
            self._rest(held)

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
    def extend(self) -> None:
        if self.model.budget < MOST:
            study_states.extend(self.store, self.study, by=1)
            self.model.budget += 1
            self.model.state = studies.RUNNING

    # What must hold.

    @invariant()
    def trials_are_as_the_model_has_them(self) -> None:
        records = stored.list_trials(self.store, self.study)
        assert [record.number for record in records] == list(range(len(self.model.trials)))
        shown = {"leased": "running", "expired": "waiting"}
        for record, trial in zip(records, self.model.trials, strict=True):
            assert record.state == shown.get(trial.state, trial.state)
            assert (record.attempt, record.epoch) == (trial.token, len(trial.curve))

    @invariant()
    def the_study_is_as_the_model_has_it(self) -> None:
        study = studies.refresh(self.store, self.study)
        assert (study.state, study.budget) == (self.model.state, self.model.budget)
        counts = overview.count(self.store, study)
        assert counts.resting == len(self.model.of("resting")) <= self.rule.rest
        total = counts.ended + counts.running + counts.waiting + counts.resting
        assert total + counts.unstarted == study.budget

    @invariant()
    def optuna_sees_ended_trials_alone_as_ended(self) -> None:
        for trial in self.store.optuna.get_all_trials(self.study.study_id, deepcopy=False):
            model = self.model.trials[trial.number]
            assert trial.state.is_finished() is model.ended
            if model.ended:
                assert (trial.state.name.lower(), trial.value) == (model.state, model.best)
            assert [*trial.intermediate_values.values()] == model.curve


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


def test_the_store_agrees_with_the_model(store: Store, monkeypatch: pytest.MonkeyPatch):
    """Numbers without a gap, the best of the highest rung first, none rests in the end."""
    monkeypatch.setattr(lost_workers, "MAX_LOSSES", 10_000)  # not what is looked at here
    run_state_machine_as_test(
        lambda: Resting(store),
        settings=settings(max_examples=40, stateful_step_count=20),
    )
