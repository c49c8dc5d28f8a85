"""Numbers, times and trials in few words, for people."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.values import spell
from storage.overview import Counts
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.goal import Goal, goal_of

TEST, VALIDATION = "test_", "val_"  # prefixes of a trial's metrics


def number(value: float | None) -> str:
    """Four significant digits."""
    return "-" if value is None else f"{value:.4g}"


def count(trials: int) -> str:
    """``1 trial``, ``1,200 trials``."""
    return "1 trial" if trials == 1 else f"{trials:,} trials"


def values(trial: TrialRecord, goals: Sequence[Goal]) -> list[str]:
    """What a trial came to by each of its study's objectives."""
    known = (trial.value, *trial.further, *[None] * len(goals))
    return [_value(goal, value) for goal, value in zip(goals, known, strict=False)]


def _value(goal: Goal, value: float | None) -> str:
    return number(value) if value is None or goal.name != "parameters" else f"{value:,.0f}"


def objectives(trial: TrialRecord, goals: Sequence[Goal]) -> str:
    """``validation loss 0.1234, parameters 2,410``."""
    told = zip(goals, values(trial, goals), strict=True)
    return ", ".join(f"{goal.text} {value}" for goal, value in told)


def duration(seconds: float | None) -> str:
    """``3.4 s``, ``12 min``, ``2 h 5 min``."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(seconds: float) -> str:
    """A time of day in the local zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def setting(value: Any) -> str:
    """The value of a hyperparameter."""
    return f"{value:.4g}" if isinstance(value, float) else spell(value)


def place(study: Study, trial: TrialRecord) -> str:
    """``at epoch 7 of 12``; of a trial of several trainings ``on average of 5, spread 0.01``."""
    goal = goal_of(study).name
    if f"{goal}_std" in trial.metrics:
        spread = number(trial.metrics[f"{goal}_std"])
        return f"on average of {trial.epoch} trainings, spread {spread}"
    return f"at epoch {trial.best_epoch} of {trial.epoch}"


def settings(hyperparameters: Mapping[str, Any]) -> str:
    """All hyperparameters on one line."""
    return " ".join(f"{name}={setting(value)}" for name, value in hyperparameters.items())


def measures(metrics: Mapping[str, float], prefix: str) -> str:
    """The metrics of one part of the data, the loss first: ``loss 0.11, accuracy 0.97``."""
    chosen = {n.removeprefix(prefix): v for n, v in metrics.items() if n.startswith(prefix)}
    names = sorted(chosen, key=lambda name: (name != "loss", name))
    return ", ".join(f"{name} {number(chosen[name])}" for name in names)


def progress(counts: Counts, budget: int) -> str:
    """``12 of 20 trials: 9 complete, 2 pruned, 1 failed``."""
    kinds = {"complete": counts.complete, "pruned": counts.pruned, "failed": counts.failed}
    ended = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    return f"{counts.ended} of {budget} trials{': ' if ended else ''}{ended}"


def ended(trial: TrialRecord, best: float | None) -> str:
    """``trial 7 complete 0.1234 (12 epochs, 3.4 s) best 0.1102``."""
    value = "" if trial.value is None else f" {number(trial.value)}"
    epochs = "1 epoch" if trial.epoch == 1 else f"{trial.epoch} epochs"
    line = f"trial {trial.number} {trial.state}{value} ({epochs}, {duration(trial.seconds)})"
    if trial.state != "failed" and trial.failure is not None:
        line += f" {trial.failure.kind}"
    return line if best is None else f"{line} best {number(best)}"


def failure(trial: TrialRecord) -> str:
    """``error: ValueError: ...``, or nothing."""
    return "" if trial.failure is None else f"{trial.failure.kind}: {trial.failure.message}"
