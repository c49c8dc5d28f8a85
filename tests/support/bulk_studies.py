"""Studies with a long past, made with a few statements instead of by many workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from storage.database import schema
from storage.database.engine import Store
from storage.studies import Study

SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "dropout": FloatDistribution(0.0, 0.5),
    "layers": IntDistribution(1, 4),
    "activation": CategoricalDistribution(("relu", "tanh")),
}
EPOCHS = 10  # that every trial of the past reported
PRUNED_EVERY = 4  # one of so many trials of the past was pruned, the others are complete
LONG_AGO = 1.0  # seconds since 1970
CHUNK = 5_000  # rows of one insert


def fill(
    store: Store, study: Study, *, finished: int = 0, dead: int = 0, ours: bool = True
) -> None:
    """Gives a study a past.

    Args:
        finished: Trials that ended.
        dead: Trials whose workers died: running in Optuna's eyes, their leases expired.
        ours: Whether the trials have rows of ours too, or look as Optuna alone makes them.
    """
    if not finished + dead:
        return
    with store.write() as c:
        first = (c.scalar(sa.select(sa.func.max(schema.optuna_trials.c.trial_id))) or 0) + 1
        ids = range(first, first + finished + dead)
        ended = range(first, first + finished)
        # Random order: neither the first nor the last of them is always the best.
        losses = np.random.default_rng(0).random((len(ids), EPOCHS)).round(6)
        _insert(c, schema.optuna_trials, _optuna_trials(study, ids, ended))
        _insert(c, schema.optuna_params, _params(ids))
        _insert(c, schema.optuna_reports, _reports(ids, losses))
        _insert(c, schema.optuna_values, _values(ended, losses))
        if ours:
            _insert(c, schema.leases, _leases(study, ids, ended, losses))
            _insert(c, schema.trials, _trials(study, ids, ended))
            _insert(c, schema.epochs, _epochs(ids, losses))
            _insert(c, schema.rungs, _rungs(study, ids, losses))
    _move_key(store)


def _insert(c: Connection, table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
    made = list(rows)
    for start in range(0, len(made), CHUNK):
        c.execute(table.insert(), made[start : start + CHUNK])


def _move_key(store: Store) -> None:
    """PostgreSQL counts its keys apart from the rows, which came with keys of their own."""
    if store.dialect == "postgresql":
        with store.write() as c:
            c.execute(
                sa.text(
                    "SELECT setval(pg_get_serial_sequence('trials', 'trial_id'), "
                    "(SELECT max(trial_id) FROM trials))"
                )
            )
    if store.dialect != "mysql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
            c.execute(sa.text("ANALYZE"))


def _optuna_trials(study: Study, ids: range, ended: range) -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC).replace(tzinfo=None)
    for number, trial_id in enumerate(ids):
        over = trial_id in ended
        state = TrialState.PRUNED if number % PRUNED_EVERY == 0 else TrialState.COMPLETE
        yield {
            "trial_id": trial_id,
            "number": number,
            "study_id": study.study_id,
            "state": state if over else TrialState.RUNNING,
            "datetime_start": now,
            "datetime_complete": now if over else None,
        }


def _params(ids: range) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(1)
    for trial_id in ids:
        values = (10 ** rng.uniform(-4, -1), rng.uniform(0, 0.5), rng.integers(1, 5), 0)
        for (name, distribution), value in zip(SPACE.items(), values, strict=True):
            yield {
                "trial_id": trial_id,
                "param_name": name,
                "param_value": float(value),
                "distribution_json": distribution_to_json(distribution),
            }


def _reports(ids: range, losses: np.ndarray) -> Iterator[dict[str, Any]]:
    finite = models.TrialIntermediateValueModel.TrialIntermediateValueType.FINITE
    for trial_id, curve in zip(ids, losses.tolist(), strict=True):
        for epoch, loss in enumerate(curve, start=1):
            yield {
                "trial_id": trial_id,
                "step": epoch,
                "intermediate_value": loss,
                "intermediate_value_type": finite,
            }


def _values(ended: range, losses: np.ndarray) -> Iterator[dict[str, Any]]:
    finite = models.TrialValueModel.TrialValueType.FINITE
    for trial_id, curve in zip(ended, losses, strict=False):
        value = float(curve.min())
        yield {"trial_id": trial_id, "objective": 0, "value": value, "value_type": finite}


def _leases(study: Study, ids: range, ended: range, losses: np.ndarray) -> Iterator[dict[str, Any]]:
    for trial_id, curve in zip(ids, losses, strict=True):
        over = trial_id in ended
        yield {
            "trial_id": trial_id,
            "study_id": study.study_id,
            "state": "ended" if over else "leased",
            "worker_id": "somebody",
            "token": 1,
            "expires_at": None if over else LONG_AGO,
            "losses": 0,
            "epoch": EPOCHS,
            "best_value": float(curve.min()),
            "best_epoch": int(curve.argmin()) + 1,
        }


def _trials(study: Study, ids: range, ended: range) -> Iterator[dict[str, Any]]:
    for trial_id in ids:
        yield {
            "trial_id": trial_id,
            "study_id": study.study_id,
            "hyperparameters": json.dumps({"layers": 1}),
            "seed": trial_id,
            "begun_at": LONG_AGO,
            "ended_at": LONG_AGO + trial_id if trial_id in ended else None,
            "seconds": 1.0,
            "metrics": "{}",
        }


def _epochs(ids: range, losses: np.ndarray) -> Iterator[dict[str, Any]]:
    for trial_id, curve in zip(ids, losses.tolist(), strict=True):
        for epoch, loss in enumerate(curve, start=1):
            yield {
                "trial_id": trial_id,
                "epoch": epoch,
                "token": 1,
                "metrics": json.dumps({"val_loss": loss}),
                "recorded_at": LONG_AGO,
            }


def _rungs(study: Study, ids: range, losses: np.ndarray) -> Iterator[dict[str, Any]]:
    best = np.minimum.accumulate(losses, axis=1).tolist()
    for trial_id, curve in zip(ids, best, strict=True):
        for epoch, loss in enumerate(curve, start=1):
            yield {
                "study_id": study.study_id,
                "epoch": epoch,
                "trial_id": trial_id,
                "best": loss,
            }
