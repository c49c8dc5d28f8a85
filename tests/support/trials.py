"""End trials by hand, as a worker would, without training anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.distributions import FloatDistribution

from storage import claiming, leases, reports, trials, workers
from storage.database.engine import Store
from storage.leases import Claim
from storage.outcomes import Failure, Outcome
from storage.pruning import NoPruning
from storage.studies import Study
from storage.trials import Suggestion

WORKER = "11111111-1111-1111-1111-111111111111"


def enter(store: Store, study: Study, worker_id: str = WORKER) -> None:
    """Tell the store of a worker."""
    workers.enter(store, study, worker_id=worker_id, host="host", pid=7, device="1 thread")


def begin(store: Store, study: Study, worker_id: str = WORKER, **hyperparameters: Any) -> Claim:
    """Claim the next trial and choose its hyperparameters."""
    claim = claiming.claim(store, study, worker_id)
    assert isinstance(claim, Claim)
    values = {"learning_rate": 0.01, **hyperparameters}
    suggestion = Suggestion(
        hyperparameters=values,
        params={"learning_rate": 0.01},
        distributions={"learning_rate": FloatDistribution(1e-4, 1e-1, log=True)},
        seed=1,
    )
    trials.begin(store, claim, suggestion)
    return claim


def report(store: Store, claim: Claim, losses: Sequence[float]) -> None:
    """Report one epoch after another."""
    for epoch, loss in enumerate(losses, start=1):
        reports.write_report(
            store,
            claim,
            epoch=epoch,
            value=loss,
            metrics={"loss": loss, "val_loss": loss},
            rule=NoPruning(),
        )


def complete(store: Store, claim: Claim, losses: Sequence[float], **more: Any) -> None:
    """Report epochs and end the trial as complete."""
    report(store, claim, losses)
    best = min(losses)
    metrics = {"val_loss": best, "test_loss": best + 0.1, "test_accuracy": 0.9}
    outcome = Outcome(state="complete", value=best, metrics=metrics, seconds=1.5, **more)
    leases.finish(store, claim, outcome)


def fail(store: Store, claim: Claim, kind: str = "error", message: str = "boom") -> None:
    """End the trial as failed."""
    failure = Failure(kind=kind, message=message, traceback="Traceback ...")
    leases.finish(store, claim, Outcome(state="failed", failure=failure, seconds=0.5))
