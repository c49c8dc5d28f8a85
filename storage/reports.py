"""One epoch's values in, one pruning decision out: one transaction, whatever the study's size."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from optuna.storages._rdb import models
from sqlalchemy.engine import Connection

from storage import leases, schema
from storage.engine import Store
from storage.insert import insert_once
from storage.leases import Claim
from storage.pruning import PruningRule
from storage.ranks import Rung


def report(
    store: Store,
    claim: Claim,
    *,
    epoch: int,
    value: float,
    metrics: Mapping[str, float],
    rule: PruningRule,
    cumulative: bool = False,
) -> bool:
    """Writes what an epoch brought and asks whether to prune.

    An epoch that is trained again after a take-over is not written again.

    Args:
        epoch: Finished epochs, from 1.
        value: The objective after this epoch; may be NaN or infinite.
        metrics: Everything measured in this epoch, for the learning curves.
        rule: The study's pruning rule.
        cumulative: Whether the value stands for all epochs so far, as a mean does: the trial's
            own is then its last one, not its best.

    Returns:
        Whether the trial should be pruned.

    Raises:
        LeaseLost: The trial is not ours any more; nothing was written.
    """
    with store.write() as c:
        leases.hold(store, c, claim, **_progress(epoch, claim.study.sign * value, cumulative))
        insert_once(c, schema.optuna_reports, [_optuna_report(claim, epoch, value)])
        row = {
            "trial_id": claim.trial_id,
            "epoch": epoch,
            "token": claim.token,
            "metrics": json.dumps(dict(metrics)),
            "recorded_at": store.now,
        }
        insert_once(c, schema.epochs, [row])
        return rule.is_rung(epoch, claim.number) and _prunes(c, claim, epoch, rule)


def _progress(epoch: int, value: float, cumulative: bool) -> dict[str, Any]:
    """New values of the lease's row: the furthest epoch, and the trial's value with its epoch.

    Args:
        value: The lower the better.
    """
    lease = schema.leases.c
    furthest = sa.case((lease.epoch < epoch, epoch), else_=lease.epoch)
    if not math.isfinite(value):
        return {"epoch": furthest}
    supersedes = lease.epoch < epoch if cumulative else lease.best_value > value
    better = sa.or_(lease.best_value.is_(None), supersedes)
    return {
        # MySQL assigns from left to right: the epoch must see the value of before.
        "best_epoch": sa.case((better, epoch), else_=lease.best_epoch),
        "best_value": sa.case((better, value), else_=lease.best_value),
        "epoch": furthest,
    }


def _optuna_report(claim: Claim, epoch: int, value: float) -> dict[str, Any]:
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    return {
        "trial_id": claim.trial_id,
        "step": epoch,
        "intermediate_value": stored,
        "intermediate_value_type": kind,
    }


def _prunes(c: Connection, claim: Claim, epoch: int, rule: PruningRule) -> bool:
    """Enters the trial in the rung and asks for its rank there."""
    place = rule.meeting(epoch, claim.number)
    rung = Rung(c=c, study_id=claim.study.study_id, place=place)
    best, entered, at = rung.lock(claim.trial_id)
    if best is None:
        return False  # no finite loss yet: the training loop decides what that means
    at = rung.enter(claim.trial_id, best, entered=entered, at=at)
    others = at.reached - 1
    hopeless, at = rung.find(best, rule.cut(others), at)
    rung.keep(at)
    return hopeless and others >= rule.startup
