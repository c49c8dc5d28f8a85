"""A study at a glance: how many trials stand where, the best one, the workers."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from optuna.trial import TrialState

from storage import schema, studies, trials, workers
from storage.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from storage.workers import WorkerRecord


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Trials by state. All together are the budget, or more if trials were made by hand.

    Attributes:
        running: With a live worker.
        waiting: Begun or enqueued, without one.
        unstarted: Not made yet: budget minus all others.
    """

    complete: int = 0
    pruned: int = 0
    failed: int = 0
    running: int = 0
    waiting: int = 0
    unstarted: int = 0

    @property
    def ended(self) -> int:
        """Trials that are over, one way or another."""
        return self.complete + self.pruned + self.failed


@dataclass(frozen=True, kw_only=True)
class Status:
    """A study, its trials by state, its best complete trials, and its workers.

    Attributes:
        failures: Failed trials by the kind of their failure.
        front: With several objectives, the complete trials that no other dominates, ``best`` first.
    """

    study: Study
    trials: Counts
    failures: dict[str, int]
    best: TrialRecord | None
    workers: list[WorkerRecord]
    front: tuple[TrialRecord, ...] = ()


def status(store: Store, study: Study) -> Status:
    """The study as it stands now.

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
        front=tuple(front),
    )


def count(store: Store, study: Study) -> Counts:
    """Trials by state."""
    optuna, lease = schema.optuna_trials.c, schema.leases.c
    live = sa.and_(lease.state == "leased", lease.expires_at > store.now)
    query = (
        sa.select(
            optuna.state,
            sa.func.count().label("trials"),
            sa.func.sum(sa.case((live, 1), else_=0)).label("live"),
        )
        .select_from(schema.optuna_trials)
        .outerjoin(schema.leases, lease.trial_id == optuna.trial_id)
        .where(optuna.study_id == study.study_id)
        .group_by(optuna.state)
    )
    with store.read() as c:
        found = {row.state: (row.trials, int(row.live)) for row in c.execute(query).all()}
    begun = [found.get(state, (0, 0)) for state in (TrialState.RUNNING, TrialState.WAITING)]
    running = sum(live for _, live in begun)
    return Counts(
        complete=found.get(TrialState.COMPLETE, (0, 0))[0],
        pruned=found.get(TrialState.PRUNED, (0, 0))[0],
        failed=found.get(TrialState.FAIL, (0, 0))[0],
        running=running,
        waiting=sum(total for total, _ in begun) - running,
        unstarted=max(0, study.budget - sum(total for total, _ in found.values())),
    )


def count_failures(store: Store, study: Study) -> dict[str, int]:
    """Failed trials by the kind of their failure, the most frequent first."""
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
