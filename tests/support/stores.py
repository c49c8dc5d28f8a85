"""Shortcuts for tests of the store: claims, expired leases, what is in the tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from storage import claiming, leases, reports, studies
from storage.database import schema
from storage.database.engine import Store
from storage.leases import Claim
from storage.outcomes import Failure, Outcome
from storage.pruning import NoPruning, PruningRule
from storage.studies import Study

NEVER = NoPruning()
TABLES = (
    schema.studies,
    schema.leases,
    schema.trials,
    schema.attempts,
    schema.epochs,
    schema.rungs,
    schema.ranks,
    schema.workers,
    schema.logs,
)


def make(
    store: Store,
    name: str = "study",
    *,
    budget: int = 3,
    lease_seconds: float = 3600.0,
    **more: Any,
) -> Study:
    """Makes a study with a definition of no interest.

    Args:
        lease_seconds: So long that none runs out by itself, however slow the machine is.
        more: Further arguments of ``studies.create``.
    """
    lease = {"lease_seconds": lease_seconds}
    return studies.create(store, name=name, spec={}, budget=budget, **lease, **more)


def claim(store: Store, study: Study, worker: str = "ada") -> Claim:
    """Claims a trial where there must be one."""
    answer = claiming.claim(store, study, worker)
    assert isinstance(answer, Claim), answer
    return answer


def expire(store: Store, held: Claim) -> None:
    """Lets a lease run out without waiting for it."""
    with store.write() as c:
        c.execute(
            schema.leases.update()
            .where(schema.leases.c.trial_id == held.trial_id)
            .values(expires_at=1.0)
        )


def report(store: Store, held: Claim, epoch: int, value: float, rule: PruningRule = NEVER) -> bool:
    """Reports one epoch."""
    metrics = {"val_loss": value}
    return reports.write_report(store, held, epoch=epoch, value=value, metrics=metrics, rule=rule)


def complete(value: float = 0.5, **more: Any) -> Outcome:
    """The outcome of a trial that went well."""
    return Outcome(state="complete", value=value, **more)


def failed(kind: str = "error", message: str = "ValueError: no") -> Outcome:
    """The outcome of a trial that did not."""
    return Outcome(state="failed", failure=Failure(kind=kind, message=message))


def end(store: Store, held: Claim, value: float = 0.5) -> None:
    """Reports one epoch and completes the trial with it."""
    report(store, held, 1, value)
    leases.finish(store, held, complete(value))


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of ours and every trial, report, parameter and attribute of Optuna's."""
    optuna = (
        schema.optuna_trials,
        schema.optuna_reports,
        schema.optuna_values,
        schema.optuna_params,
        schema.optuna_trial_attributes,
        schema.optuna_trial_system_attributes,
    )
    with store.read() as c:
        return {
            table.name: [tuple(row) for row in c.execute(sa.select(table).order_by(*table.c))]
            for table in (*TABLES, *optuna)
        }


def counts(store: Store) -> dict[str, int]:
    """How many rows each of our tables holds, those that hold some."""
    with store.read() as c:
        found = {
            table.name: c.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in TABLES
        }
    return {name: rows for name, rows in found.items() if rows}


def lease(store: Store, held: Claim) -> sa.Row[Any]:
    """The row of a trial's lease."""
    with store.read() as c:
        query = sa.select(schema.leases).where(schema.leases.c.trial_id == held.trial_id)
        return c.execute(query).one()
