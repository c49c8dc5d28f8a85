"""Learning curves of many trials, and distributions of all parameters, in one query each."""

from __future__ import annotations

import json
from collections.abc import Collection

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution

from storage.database import schema
from storage.database.engine import Store
from storage.studies import Study

Curve = list[dict[str, float]]


def read_curves(store: Store, trial_ids: Collection[int]) -> dict[int, Curve]:
    """Reads the metrics of each finished epoch of these trials, with the key ``epoch`` added.

    Returns:
        Curves by trial id; empty for a trial without a finished epoch.
    """
    curves: dict[int, Curve] = {trial_id: [] for trial_id in trial_ids}
    epoch = schema.epochs.c
    query = (
        sa.select(epoch.trial_id, epoch.epoch, epoch.metrics)
        .where(epoch.trial_id.in_(curves))
        .order_by(epoch.trial_id, epoch.epoch)
    )
    with store.read() as c:
        rows = c.execute(query).all() if curves else []
    for row in rows:
        curves[row.trial_id].append({"epoch": row.epoch, **json.loads(row.metrics)})
    return curves


def count_epochs(store: Store, study: Study, *, seconds: float) -> int:
    """Counts the epochs that a study's trials have finished in the last ``seconds``.

    The cost does not depend on the number of trials that ended before.
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
    """Returns Optuna's distributions by parameter; several if they changed between trials.

    The distribution of a parameter that is an ordered list is one of indices.
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
    distributions: dict[str, list[BaseDistribution]] = {}
    for row in rows:
        distribution = json_to_distribution(row.distribution_json)
        distributions.setdefault(row.param_name, []).append(distribution)
    return distributions
