"""Reads parts of Optuna's trials (parameters, values, reports, attributes), one statement each.

All functions take the trials' ids as a list or as a query, and return a dict by trial id.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from sqlalchemy.engine import Connection

from storage.optuna import tables

TrialIds = list[int] | sa.Select[Any]  # a query of one column


def params(c: Connection, ids: TrialIds) -> dict[int, dict[str, tuple[Any, BaseDistribution]]]:
    """Returns the value and distribution of each parameter by name, in the order of sampling.

    Values are as ``suggest_*`` returned them.
    """
    param = tables.optuna_params.c
    columns = (param.trial_id, param.param_name, param.param_value, param.distribution_json)
    query = sa.select(*columns).where(param.trial_id.in_(ids)).order_by(param.param_id)
    by_trial: dict[int, dict[str, tuple[Any, BaseDistribution]]] = defaultdict(dict)
    for trial_id, name, value, text in c.execute(query):
        distribution = _distribution(text)
        by_trial[trial_id][name] = (distribution.to_external_repr(value), distribution)
    return by_trial


@cache
def _distribution(text: str) -> BaseDistribution:
    """Parses a distribution; cached, because a study repeats the same few in every trial."""
    return json_to_distribution(text)


def values(c: Connection, ids: TrialIds) -> dict[int, list[float]]:
    """Returns the values of the objectives, in their order."""
    value = tables.optuna_values.c
    query = sa.select(value.trial_id, value.value, value.value_type)
    query = query.where(value.trial_id.in_(ids)).order_by(value.trial_id, value.objective)
    read = tables.read_value
    by_trial: dict[int, list[float]] = defaultdict(list)
    for trial_id, stored, value_type in c.execute(query):
        by_trial[trial_id].append(read(stored, value_type))
    return by_trial


def reports(c: Connection, ids: TrialIds) -> dict[int, dict[int, float]]:
    """Returns all reported values by step, in the order in which they were written."""
    report = tables.optuna_reports.c
    query = sa.select(
        report.trial_id, report.step, report.intermediate_value, report.intermediate_value_type
    )
    query = query.where(report.trial_id.in_(ids)).order_by(report.trial_intermediate_value_id)
    read = tables.read_report
    by_trial: dict[int, dict[int, float]] = defaultdict(dict)
    for trial_id, step, stored, value_type in c.execute(query):
        by_trial[trial_id][step] = read(stored, value_type)
    return by_trial


def last_reports(c: Connection, ids: TrialIds) -> dict[int, dict[int, float]]:
    """Returns the value reported at the highest step, by that step."""
    report = tables.optuna_reports.c
    last_step = (
        sa.select(report.trial_id, sa.func.max(report.step).label("step"))
        .where(report.trial_id.in_(ids))
        .group_by(report.trial_id)
        .subquery()
    )
    query = sa.select(
        report.trial_id, report.step, report.intermediate_value, report.intermediate_value_type
    ).join(
        last_step,
        sa.and_(last_step.c.trial_id == report.trial_id, last_step.c.step == report.step),
    )
    read = tables.read_report
    return {
        trial_id: {step: read(stored, value_type)}
        for trial_id, step, stored, value_type in c.execute(query)
    }


def attributes(c: Connection, ids: TrialIds, table: sa.Table) -> dict[int, dict[str, Any]]:
    """Returns attributes by key; ``table`` is that of user or that of system attributes."""
    query = sa.select(table.c.trial_id, table.c.key, table.c.value_json)
    by_trial: dict[int, dict[str, Any]] = defaultdict(dict)
    for trial_id, key, text in c.execute(query.where(table.c.trial_id.in_(ids))):
        by_trial[trial_id][key] = json.loads(text)
    return by_trial
