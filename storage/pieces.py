"""Pieces of Optuna's trials, by their ids: each for any number of trials in one statement."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from sqlalchemy.engine import Connection

from storage import schema

Chosen = list[int] | sa.Select[Any]  # trials by id


def params(c: Connection, chosen: Chosen) -> dict[int, dict[str, tuple[Any, BaseDistribution]]]:
    """Values and distributions by name, for each trial, in the order in which they were chosen."""
    param = schema.optuna_params.c
    columns = (param.trial_id, param.param_name, param.param_value, param.distribution_json)
    query = sa.select(*columns).where(param.trial_id.in_(chosen)).order_by(param.param_id)
    found: dict[int, dict[str, tuple[Any, BaseDistribution]]] = defaultdict(dict)
    for trial_id, name, value, text in c.execute(query):
        distribution = _distribution(text)
        found[trial_id][name] = (distribution.to_external_repr(value), distribution)
    return found


@cache
def _distribution(text: str) -> BaseDistribution:
    """A study has few of them, each written with every trial."""
    return json_to_distribution(text)


def values(c: Connection, chosen: Chosen) -> dict[int, list[float]]:
    """By objective."""
    value = schema.optuna_values.c
    query = sa.select(value.trial_id, value.value, value.value_type)
    query = query.where(value.trial_id.in_(chosen)).order_by(value.trial_id, value.objective)
    read = models.TrialValueModel.stored_repr_to_value
    found: dict[int, list[float]] = defaultdict(list)
    for trial_id, stored, kind in c.execute(query):
        found[trial_id].append(read(stored, kind))
    return found


def reports(c: Connection, chosen: Chosen) -> dict[int, dict[int, float]]:
    """By step, in the order in which they were written."""
    report = schema.optuna_reports.c
    query = sa.select(
        report.trial_id, report.step, report.intermediate_value, report.intermediate_value_type
    )
    query = query.where(report.trial_id.in_(chosen)).order_by(report.trial_intermediate_value_id)
    read = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for trial_id, step, stored, kind in c.execute(query):
        found[trial_id][step] = read(stored, kind)
    return found


def last_reports(c: Connection, chosen: Chosen) -> dict[int, dict[int, float]]:
    """The one of the highest step, by that step."""
    report = schema.optuna_reports.c
    last = (
        sa.select(report.trial_id, sa.func.max(report.step).label("step"))
        .where(report.trial_id.in_(chosen))
        .group_by(report.trial_id)
        .subquery()
    )
    query = sa.select(
        report.trial_id, report.step, report.intermediate_value, report.intermediate_value_type
    ).join(last, sa.and_(last.c.trial_id == report.trial_id, last.c.step == report.step))
    read = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
    return {
        trial_id: {step: read(stored, kind)} for trial_id, step, stored, kind in c.execute(query)
    }


def attributes(c: Connection, chosen: Chosen, table: sa.Table) -> dict[int, dict[str, Any]]:
    """By key; those of users and those of Optuna itself are in tables of their own."""
    query = sa.select(table.c.trial_id, table.c.key, table.c.value_json)
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for trial_id, key, text in c.execute(query.where(table.c.trial_id.in_(chosen))):
        found[trial_id][key] = json.loads(text)
    return found
