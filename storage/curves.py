"""Many learning curves, and what every parameter was sampled from, in one query each."""

from __future__ import annotations

import json
from collections.abc import Collection

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution

from storage import schema
from storage.engine import Store
from storage.studies import Study

Curve = list[dict[str, float]]


def curves(store: Store, trial_ids: Collection[int]) -> dict[int, Curve]:
    """The metrics of each finished epoch of these trials, with ``epoch`` among them.

    Returns:
        By trial id; a trial without a finished epoch has an empty curve.
    """
    found: dict[int, Curve] = {trial_id: [] for trial_id in trial_ids}
    epoch = schema.epochs.c
    query = (
        sa.select(epoch.trial_id, epoch.epoch, epoch.metrics)
        .where(epoch.trial_id.in_(found))
        .order_by(epoch.trial_id, epoch.epoch)
    )
    with store.read() as c:
        rows = c.execute(query).all() if found else []
    for row in rows:
        found[row.trial_id].append({"epoch": row.epoch, **json.loads(row.metrics)})
    return found


def count_epochs(store: Store, study: Study, *, seconds: float) -> int:
    """How many epochs a study's trials have finished in the last so many seconds.

    Its cost does not grow with what has ended before.
    """
    epoch, trial, since = schema.epochs.c, schema.trials.c, store.now - seconds
    query = (
        sa.select(sa.func.count())
        .select_from(schema.trials)
        .join(schema.epochs, epoch.trial_id == trial.trial_id)
        .where(
            trial.study_id == study.study_id,
            sa.or_(trial.ended_at.is_(None), trial.ended_at >= since),
            epoch.recorded_at >= since,
        )
    )
    with store.read() as c:
        return int(c.execute(query).scalar_one())


def sampled_from(store: Store, study: Study) -> dict[str, list[BaseDistribution]]:
    """What Optuna sampled each parameter from; several where that changed between trials.

    A parameter that is an ordered list is sampled by its index.
    """
    param, optuna = schema.optuna_params.c, schema.optuna_trials.c
    query = (
        sa.select(param.param_name, param.distribution_json)
        .join(schema.optuna_trials, optuna.trial_id == param.trial_id)
        .where(optuna.study_id == study.study_id)
        .distinct()
    )
    with store.read() as c:
        rows = c.execute(query).all()
    found: dict[str, list[BaseDistribution]] = {}
    for row in rows:
        found.setdefault(row.param_name, []).append(json_to_distribution(row.distribution_json))
    return found
