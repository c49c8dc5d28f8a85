"""Trials that rest: stopped at a rung with a checkpoint, and resumed once their rank deserves it.

A rule that stops trials for ever decides with what is known when a trial arrives: among the first
ones it stops good trials and keeps bad ones. So a trial that is not among those of its rung that
may pass rests instead, and gives its worker back. Each further trial that reaches the rung lets
more of them pass; a worker that asks for a trial then gets the best that rests there, and goes on
from its checkpoint, under its own number. This is the promotion of ASHA (Li et al., "A System for
Massively Parallel Hyperparameter Tuning", MLSys 2020).

All that decides is in rows: the last rung that a trial did not pass (``tuner_leases.rung``), and
how many of a rung may pass (``tuner_ranks.passes``), which the pruning rule writes with each report
there. So every transaction that holds the study's lock can ask which trial is next: a claim, to
hand it out; the end of a trial, to find out whether the study is over.

To Optuna a resting trial is RUNNING. When its study is finished it becomes PRUNED, as do the worst
of more resting trials than their checkpoints may take up disk for.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from storage import outcomes
from storage.database import schema
from storage.database.engine import Store
from storage.outcomes import Outcome
from storage.rung_ranks import Rung
from storage.studies import Study


def promotable(c: Connection, study_id: int) -> int | None:
    """Returns the id of the resting trial that is next to be resumed; None if none deserves it.

    The highest rung comes first, and in a rung the best trial, the oldest of equal ones.

    Args:
        c: A transaction that holds the study's lock.
        study_id: Optuna's id of the study.
    """
    lease, rank, rung = schema.leases.c, schema.ranks.c, schema.rungs.c
    query = (
        sa.select(lease.trial_id, rung.epoch, rung.best, rank.passes)
        .join_from(
            schema.leases,
            schema.rungs,
            sa.and_(
                rung.study_id == lease.study_id,
                rung.epoch == lease.rung,
                rung.trial_id == lease.trial_id,
            ),
        )
        .join(schema.ranks, sa.and_(rank.study_id == lease.study_id, rank.epoch == lease.rung))
        .where(
            lease.study_id == study_id,
            lease.state == "resting",
            lease.requested.is_(None),
            rank.passes.is_not(None),
        )
        .order_by(rung.epoch.desc(), rung.best, lease.trial_id)
    )
    # If the best one of a rung does not pass, no other one of it does.
    for place, rows in itertools.groupby(c.execute(query).all(), key=lambda row: row.epoch):
        first = next(rows)
        rung_ = Rung(c=c, study_id=study_id, place=place)
        if rung_.is_among_the_best(first.trial_id, first.best, first.passes):
            trial_id: int = first.trial_id
            return trial_id
    return None


def keep_best(store: Store, c: Connection, study: Study, count: int) -> list[str]:
    """Prunes the worst resting trials, by their best values so far, until ``count`` are left.

    Args:
        store: The database.
        c: A transaction that holds the study's lock.
        study: The study.
        count: How many may rest.

    Returns:
        Paths or URLs of their checkpoints, to be removed after the transaction.
    """
    lease = schema.leases.c
    best_first = _resting(study).order_by(lease.best_value, lease.trial_id)
    return _prune(store, c, study, c.execute(best_first.offset(count)).all())


def end(store: Store, c: Connection, study: Study) -> None:
    """Prunes all resting trials of a study that is finished.

    Their checkpoints are removed by ``garbage_collection.sweep``, as those of lost workers.

    Args:
        store: The database.
        c: A transaction that holds the study's lock.
        study: The study.
    """
    _prune(store, c, study, c.execute(_resting(study)).all())


def _resting(study: Study) -> sa.Select[Any]:
    lease, trial = schema.leases.c, schema.trials.c
    return (
        sa.select(lease.trial_id, lease.best_value, lease.checkpoints, trial.metrics, trial.path)
        .join(schema.trials, trial.trial_id == lease.trial_id)
        .where(lease.study_id == study.study_id, lease.state == "resting")
    )


def _prune(store: Store, c: Connection, study: Study, rows: Sequence[Row[Any]]) -> list[str]:
    """Ends resting trials as pruned; returns where their checkpoints lie."""
    if not rows:
        return []
    lease = schema.leases.c
    update = schema.leases.update().where(lease.trial_id.in_([row.trial_id for row in rows]))
    c.execute(update.values(state="ended", checkpoints=None))
    for row in rows:
        outcomes.write(c, store, row.trial_id, _outcome(row, study))
    return [
        checkpoint["path"] for row in rows for checkpoint in json.loads(row.checkpoints or "[]")
    ]


def _outcome(row: Row[Any], study: Study) -> Outcome:
    value = None if row.best_value is None or study.further else study.own_sign(row.best_value)
    metrics = json.loads(row.metrics or "{}")
    return Outcome(state="pruned", value=value, metrics=metrics, path=row.path)
