"""Studies with a past such as real ones have, made with a few statements.

Losses fall, some trials were pruned, some failed, and one of several workers was lost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
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
from optuna.trial import TrialState

from storage import studies
from storage.database import schema
from storage.database.engine import Store
from storage.pruning import MedianRule
from storage.studies import Study
from tests.support import bulk_studies
from tuner.datasets.data_spec import DataSpec
from tuner.studies.study_spec import StudySpec

BATCHES = (16, 32, 64, 128)  # an ordered list: sampled by its index
PENALTIES = (0.0, 1e-5, 1e-3)
SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "units_0": IntDistribution(16, 512, log=True),
    "dropout": FloatDistribution(0.0, 0.5),
    "activation": CategoricalDistribution(("relu", "tanh", "gelu")),
    "batch_size": IntDistribution(0, len(BATCHES) - 1),
    "penalty": IntDistribution(0, len(PENALTIES) - 1),
}
EPOCHS = 12
START = 1_700_000_000.0  # seconds since 1970
SPEC: dict[str, Any] = StudySpec(
    space="mlp",
    space_fingerprint="e" * 64,
    data=DataSpec(source="digits"),
    data_fingerprint="f" * 64,
    pruner=MedianRule().to_dict(),
    artifacts="artifacts",
).to_dict()


def make(
    store: Store,
    name: str = "past",
    *,
    trials: int,
    workers: int = 3,
    seed: int = 0,
    prefix: str = "",
    **spec: Any,
) -> Study:
    """A study whose trials all have ended: of twenty one failed, about half were pruned.

    Args:
        prefix: Stands before the name of every parameter but ``epochs``.
        spec: Overrides what is in the study's definition.
    """
    study = studies.create(store, name=name, spec={**SPEC, **spec}, budget=trials)
    with store.write() as c:
        c.execute(
            schema.studies.update()
            .where(schema.studies.c.study_id == study.study_id)
            .values(state="finished", reason="all trials have ended")
        )
        first = (c.scalar(sa.select(sa.func.max(schema.optuna_trials.c.trial_id))) or 0) + 1
        past = _Past(study, first, trials, workers, np.random.default_rng(seed), prefix)
        for table, rows in past.rows.items():
            bulk_studies._insert(c, table, iter(rows))
    bulk_studies._move_key(store)
    return studies.load(store, name)


class _Past:
    """The rows of a study's past, by table."""

    def __init__(
        self,
        study: Study,
        first: int,
        trials: int,
        workers: int,
        rng: np.random.Generator,
        prefix: str,
    ) -> None:
        self._study, self._rng, self._prefix = study, rng, prefix
        self.rows: dict[sa.Table, list[dict[str, Any]]] = {}
        clocks = [START + i for i in range(workers)]
        names = [f"{study.uuid[:8]}-worker-{i}" for i in range(workers)]
        for number in range(trials):
            which = number % workers
            clocks[which] += self._trial(first + number, number, names[which], clocks[which])
        for i, (name, end) in enumerate(zip(names, clocks, strict=True)):
            self._worker(name, i, end, lost=workers > 1 and i == workers - 1)

    def _trial(self, trial_id: int, number: int, worker: str, begin: float) -> float:
        """Adds a trial; returns the seconds that its worker spent on it."""
        params, given = self._choice()
        rate = given[f"{self._prefix}learning_rate"]
        failed = number % 20 == 13
        if failed:
            rate = given[f"{self._prefix}learning_rate"] = 0.09 + 0.001 * self._rng.random()
        floor = 0.05 + 0.1 * abs(math.log10(rate) + 2.5) + 0.1 * self._rng.random()
        length = 2 if failed else int(self._rng.choice([3, 5, EPOCHS, EPOCHS]))
        losses = [floor + math.exp(-epoch * 0.4) for epoch in range(1, length + 1)]
        state = "failed" if failed else "complete" if length == EPOCHS else "pruned"
        seconds = 0.5 * length
        self._optuna(trial_id, number, state, params, losses)
        self._ours(trial_id, state, given, losses, worker, begin, seconds)
        return seconds + 0.2

    def _choice(self) -> tuple[dict[str, float], dict[str, Any]]:
        """What Optuna stores, and the real values."""
        rng = self._rng
        batch, penalty = int(rng.integers(len(BATCHES))), int(rng.integers(len(PENALTIES)))
        activation = int(rng.integers(3))
        sampled = (
            10 ** rng.uniform(-4, -1), int(2 ** rng.uniform(4, 9)), rng.uniform(0, 0.5),
            activation, batch, penalty,
        )  # fmt: skip
        real = (
            *sampled[:3], ("relu", "tanh", "gelu")[activation], BATCHES[batch], PENALTIES[penalty],
        )  # fmt: skip
        names = [self._prefix + name for name in SPACE]
        given: dict[str, Any] = dict(zip(names, real, strict=True))
        return dict(zip(names, map(float, sampled), strict=True)), {**given, "epochs": EPOCHS}

    def _optuna(
        self, trial_id: int, number: int, state: str, params: dict[str, float], losses: list[float]
    ) -> None:
        kinds = {
            "complete": TrialState.COMPLETE,
            "pruned": TrialState.PRUNED,
            "failed": TrialState.FAIL,
        }
        self._add(
            schema.optuna_trials,
            {
                "trial_id": trial_id,
                "number": number,
                "study_id": self._study.study_id,
                "state": kinds[state],
            },
        )
        for (name, value), distribution in zip(params.items(), SPACE.values(), strict=True):
            self._add(
                schema.optuna_params,
                {
                    "trial_id": trial_id,
                    "param_name": name,
                    "param_value": value,
                    "distribution_json": distribution_to_json(distribution),
                },
            )

    def _ours(
        self,
        trial_id: int,
        state: str,
        given: dict[str, Any],
        losses: list[float],
        worker: str,
        begin: float,
        seconds: float,
    ) -> None:
        ids = {"trial_id": trial_id, "study_id": self._study.study_id}
        failed = state == "failed"
        self._add(
            schema.leases,
            {
                **ids, "state": "ended", "worker_id": worker, "token": 1, "losses": 0,
                "epoch": len(losses), "best_value": min(losses), "best_epoch": len(losses),
            },
        )  # fmt: skip
        metrics = {"val_loss": min(losses), "test_loss": min(losses), "test_accuracy": 0.9}
        self._add(
            schema.trials,
            {
                **ids,
                "hyperparameters": json.dumps(given),
                "seed": trial_id,
                "begun_at": begin,
                "ended_at": begin + seconds,
                "seconds": seconds,
                "metrics": json.dumps({} if failed else metrics),
                "failure_kind": "diverged" if failed else None,
                "failure_message": "the loss became nan in epoch 3" if failed else None,
            },
        )
        self._add(
            schema.attempts,
            {
                **ids, "token": 1, "worker_id": worker, "started_at": begin,
                "ended_at": begin + seconds, "ended_as": state,
            },
        )  # fmt: skip
        for row in _epochs(trial_id, losses, begin):
            self._add(schema.epochs, row)

    def _worker(self, name: str, i: int, end: float, *, lost: bool) -> None:
        self._add(
            schema.workers,
            {
                "worker_id": name,
                "study_id": self._study.study_id,
                "host": f"machine-{i}",
                "pid": 1000 + i,
                "device": "1 thread",
                "started_at": START,
                "seen_at": end,
                "left_at": None if lost else end,
                "busy_seconds": 0.9 * (end - START),
            },
        )

    def _add(self, table: sa.Table, row: dict[str, Any]) -> None:
        self.rows.setdefault(table, []).append(row)


def _epochs(trial_id: int, losses: list[float], begin: float) -> Iterator[dict[str, Any]]:
    for epoch, loss in enumerate(losses, start=1):
        yield {
            "trial_id": trial_id,
            "epoch": epoch,
            "token": 1,
            "metrics": json.dumps({"loss": 0.8 * loss, "val_loss": loss}),
            "recorded_at": begin + 0.5 * epoch,
        }
