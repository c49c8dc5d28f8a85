"""Attempts: which worker had which trial from when to when, and how that ended."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from storage.database import schema
from storage.database.engine import Store
from storage.studies import Study


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A worker's lease on a trial, for the history.

    Attributes:
        number: The trial's number.
        token: Number of the attempt, from 1.
        started_at: Seconds since 1970.
        ended_at: Seconds since 1970; None while it lasts.
        ended_as: ``"complete"``, ``"pruned"``, ``"failed"``, ``"returned"`` (given back),
            ``"rested"``, ``"lost"`` (the worker died), or None while it lasts.
    """

    number: int
    token: int
    worker_id: str
    started_at: float
    ended_at: float | None
    ended_as: str | None


def list_attempts(store: Store, study: Study) -> list[Attempt]:
    """Returns all attempts at trials of a study, in the order of their start."""
    attempt, optuna = schema.attempts.c, schema.optuna_trials.c
    query = (
        sa.select(
            optuna.number,
            attempt.token,
            attempt.worker_id,
            attempt.started_at,
            attempt.ended_at,
            attempt.ended_as,
        )
        .join(schema.optuna_trials, optuna.trial_id == attempt.trial_id)
        .where(attempt.study_id == study.study_id, optuna.study_id == study.study_id)
        .order_by(attempt.started_at, optuna.number)
    )
    with store.read() as c:
        return [Attempt(**row._mapping) for row in c.execute(query).all()]
