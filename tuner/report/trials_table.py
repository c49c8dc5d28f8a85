"""Trials as a table for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from storage.trials import TrialRecord

FIELDS = (
    "number", "state", "value", "best_epoch", "epoch", "seconds", "worker", "attempt", "retry_of",
    "seed", "model", "begun_at", "ended_at",
)  # fmt: skip


def csv_text(trials: Sequence[TrialRecord], further: Sequence[str] = ()) -> str:
    """A header, then one line a trial, in UTF-8's characters.

    A hyperparameter ``x`` is in the column ``params_x``, a metric in ``metrics_x``, as Optuna's
    own data frames call them; what a trial has not is left empty.

    Args:
        further: Names of the study's further objectives: ``x`` is in the column ``values_x``.
    """
    params = dict.fromkeys(name for trial in trials for name in trial.hyperparameters)
    metrics = dict.fromkeys(name for trial in trials for name in trial.metrics)
    header = [
        *FIELDS,
        "failure",
        "failure_message",
        *(f"values_{name}" for name in further),
        *(f"params_{name}" for name in params),
        *(f"metrics_{name}" for name in metrics),
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(_row(trial, len(further), list(params), list(metrics)) for trial in trials)
    return text.getvalue()


def _row(
    trial: TrialRecord, further: int, params: Sequence[str], metrics: Sequence[str]
) -> list[Any]:
    failure = trial.failure
    return [
        *(getattr(trial, field) for field in FIELDS),
        failure and failure.kind,
        failure and failure.message,
        *(trial.further or [None] * further),
        *(trial.hyperparameters.get(name) for name in params),
        *(trial.metrics.get(name) for name in metrics),
    ]
