"""Reports: writes the metrics of one epoch and decides whether to prune the trial.

Both are one transaction, whose cost does not depend on the number of trials in the study.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from storage import leases
from storage.database import schema
from storage.database.engine import Store
from storage.database.insert import insert_once
from storage.leases import Claim
from storage.optuna import tables
from storage.pruning import PruningRule, TrialAtRung


def write_report(
    store: Store,
    claim: Claim,
    *,
    epoch: int,
    value: float,
    metrics: Mapping[str, float],
    rule: PruningRule,
    cumulative: bool = False,
    step: int | None = None,
) -> bool:
    """Writes the metrics of an epoch and decides whether to prune.

    An epoch that is trained again after a take-over keeps the values of the first time.

    Args:
        store: The database.
        claim: The worker's lease on the trial.
        epoch: Number of finished epochs, from 1.
        value: The objective after this epoch, in its own sign; may be NaN or infinite.
        metrics: All metrics of this epoch by name, for the learning curves.
        rule: The study's pruning rule.
        cumulative: Whether ``value`` already summarizes all epochs so far, such as a mean. The
            value of the trial is then the last one instead of the best one.
        step: Under which Optuna keeps the value; None for the epoch.

    Returns:
        Whether the trial should be pruned.

    Raises:
        LeaseLost: The worker no longer holds the trial; nothing was written.
    """
    with store.write() as c:
        # The fence comes first: it locks the lease's row, so a take-over has to wait for the rest.
        leases.hold(store, c, claim, **_progress(epoch, claim.study.sign * value, cumulative))
        insert_once(
            c,
            schema.optuna_reports,
            [_optuna_report(claim, epoch if step is None else step, value)],
        )
        row = {
            "trial_id": claim.trial_id,
            "epoch": epoch,
            "token": claim.token,
            "metrics": json.dumps(dict(metrics)),
            "recorded_at": store.now,
        }
        insert_once(c, schema.epochs, [row])
        trial = TrialAtRung(c=c, claim=claim, epoch=epoch)
        return rule.is_rung(epoch, claim.number) and rule.rejects(trial)


def _progress(epoch: int, value: float, cumulative: bool) -> dict[str, Any]:
    """New values for the lease's row: the last epoch, and the trial's value with its epoch.

    They are SQL expressions on the old values, so that a repeated report changes nothing and no
    row has to be read first.

    Args:
        epoch: Number of finished epochs.
        value: The objective times the study's sign: lower is better.
        cumulative: See ``write_report``.
    """
    lease = schema.leases.c
    # A trial resumed from an older checkpoint reports epochs that were reported before.
    last_epoch = sa.case((lease.epoch < epoch, epoch), else_=lease.epoch)
    if not math.isfinite(value):
        return {"epoch": last_epoch}
    supersedes = lease.epoch < epoch if cumulative else lease.best_value > value
    better = sa.or_(lease.best_value.is_(None), supersedes)
    return {
        # MySQL assigns from left to right: ``best_epoch`` must see the old ``best_value``.
        "best_epoch": sa.case((better, epoch), else_=lease.best_epoch),
        "best_value": sa.case((better, value), else_=lease.best_value),
        "epoch": last_epoch,
    }


def _optuna_report(claim: Claim, step: int, value: float) -> dict[str, Any]:
    stored, value_type = tables.write_report(value)
    return {
        "trial_id": claim.trial_id,
        "step": step,
        "intermediate_value": stored,
        "intermediate_value_type": value_type,
    }
