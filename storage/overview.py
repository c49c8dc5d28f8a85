"""The status of a study: numbers of trials by state, the best trial, the workers."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from optuna.trial import TrialState

from storage import studies, trials, workers
from storage.database import schema
from storage.database.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from storage.workers import WorkerRecord


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Numbers of trials by state. Their sum is the budget, or more if trials were added by hand.

    Attributes:
        running: Trials with a live worker.
        waiting: Trials that were begun or enqueued, without a live worker.
        resting: Trials that a better rank would resume: see ``storage.resting``.
        unstarted: Trials that do not exist yet: the budget minus all others.
    """

    complete: int = 0
    pruned: int = 0
    failed: int = 0
    running: int = 0
    waiting: int = 0
    resting: int = 0
    unstarted: int = 0

    @property
    def ended(self) -> int:
        """Number of trials that have ended."""
        return self.complete + self.pruned + self.failed


@dataclass(frozen=True, kw_only=True)
class Status:
    """A study, its trials by state, its best complete trials, and its workers.

    Attributes:
        failures: Failed trials by the kind of their failure.
        promotions: How often a resting trial was resumed.
        front: With several objectives, the Pareto front, ``best`` first.
    """

    study: Study
    trials: Counts
    failures: dict[str, int]
    best: TrialRecord | None
    workers: list[WorkerRecord]
    promotions: int = 0
    front: tuple[TrialRecord, ...] = ()

    @property
    def all_failed(self) -> bool:
        """Whether the study is finished and all of its trials failed."""
        counts = self.trials
        finished = self.study.state == studies.FINISHED
        return finished and counts.failed == counts.ended > 0


def status(store: Store, study: Study) -> Status:
    """Returns the status of a study as it is now.

    Raises:
        StudyGone: It was deleted.
    """
    study = studies.refresh(store, study)
    front = trials.front(store, study) if study.further else ()
    return Status(
        study=study,
        trials=count(store, study),
        failures=count_failures(store, study),
        best=next(iter(front or trials.best(store, study)), None),
        workers=workers.list_workers(store, study),
        promotions=count_promotions(store, study),
        front=tuple(front),
    )


def count(store: Store, study: Study) -> Counts:
    """Returns the numbers of trials by state."""
    optuna, lease = schema.optuna_trials.c, schema.leases.c
    live = sa.and_(lease.state == "leased", lease.expires_at > store.now)
    query = (
        sa.select(
            optuna.state,
            sa.func.count().label("trials"),
            sa.func.sum(sa.case((live, 1), else_=0)).label("live"),
            sa.func.sum(sa.case((lease.state == "resting", 1), else_=0)).label("resting"),
        )
        .select_from(schema.optuna_trials)
        .outerjoin(schema.leases, lease.trial_id == optuna.trial_id)
        .where(optuna.study_id == study.study_id)
        .group_by(optuna.state)
    )
    with store.read() as c:
        rows = c.execute(query).all()
    totals = {row.state: row.trials for row in rows}
    begun = [row for row in rows if row.state in (TrialState.RUNNING, TrialState.WAITING)]
    running, resting = sum(int(row.live) for row in begun), sum(int(row.resting) for row in begun)
    return Counts(
        complete=totals.get(TrialState.COMPLETE, 0),
        pruned=totals.get(TrialState.PRUNED, 0),
        failed=totals.get(TrialState.FAIL, 0),
        running=running,
        waiting=sum(row.trials for row in begun) - running - resting,
        resting=resting,
        unstarted=max(0, study.budget - sum(totals.values())),
    )


def count_promotions(store: Store, study: Study) -> int:
    """Returns how often a resting trial was resumed."""
    attempt, lease = schema.attempts.c, schema.leases.c
    query = (
        sa.select(sa.func.count())
        .select_from(schema.attempts)
        .join(schema.leases, lease.trial_id == attempt.trial_id)
        .where(
            attempt.study_id == study.study_id,
            attempt.ended_as == "rested",
            attempt.token < lease.token,
        )
    )
    with store.read() as c:
        return c.execute(query).scalar_one()


def count_failures(store: Store, study: Study) -> dict[str, int]:
    """Returns the number of failed trials by kind of failure, most frequent first."""
    optuna, trial = schema.optuna_trials.c, schema.trials.c
    number = sa.func.count().label("failures")
    query = (
        sa.select(trial.failure_kind, number)
        .select_from(schema.trials)
        .join(schema.optuna_trials, optuna.trial_id == trial.trial_id)
        .where(optuna.study_id == study.study_id, optuna.state == TrialState.FAIL)
        .group_by(trial.failure_kind)
        .order_by(number.desc(), trial.failure_kind)
    )
    with store.read() as c:
        return {row.failure_kind: row.failures for row in c.execute(query).all()}
