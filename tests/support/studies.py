"""Small studies with learning curves, made with Optuna alone."""

from __future__ import annotations

import math

import optuna
from optuna.trial import Trial


def make_study(storage_url: str, name: str, *, trials: int = 6, epochs: int = 8) -> optuna.Study:
    """Writes a study whose trials report a falling loss every epoch; every third is pruned."""
    study = optuna.create_study(storage=storage_url, study_name=name, direction="minimize")
    for number in range(trials):
        trial = study.ask()
        length = epochs // 2 if number % 3 == 2 else epochs
        loss = _report_curve(trial, length)
        state = optuna.trial.TrialState.PRUNED if length < epochs else None
        study.tell(trial, None if state else loss, state=state)
    return study


def _report_curve(trial: Trial, epochs: int) -> float:
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_int("units", 16, 256)
    loss = 1.0
    for epoch in range(1, epochs + 1):
        loss = math.exp(-epoch * (1 + rate) / 4)
        trial.report(loss, epoch)
    return loss
